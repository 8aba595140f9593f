"""International host names in ASCII: one reading, for URLs, links and mail alike."""


def ascii_host(name: str) -> str:
    """Return `name` in lower-case A-labels (IDNA 2008; UTS #46, non-transitional, as browsers read it).

    Raises ValueError for a name that can't be encoded, or has a character in it that can't be seen: a soft hyphen or a
    joiner makes another domain of what a reader takes for the same one.
    """
    if name.isascii():
        return name.lower()
    if not name.isprintable():
        raise ValueError("the host has an invisible character in it")
    import idna  # noqa: PLC0415 - its tables are large, and few hosts need them

    # UTS #46 maps full-width digits and ideographic stops to plain ones. The result is checked as a plain host is.
    return idna.encode(name, uts46=True, std3_rules=True).decode("ascii").lower()
