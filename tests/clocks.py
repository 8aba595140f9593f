"""A clock that tests set by hand."""


class Clock[T]:
    """Says `now` until that is set: a datetime, or seconds, as whoever reads it takes them."""

    def __init__(self, now: T) -> None:
        self.now = now

    def __call__(self) -> T:
        return self.now
