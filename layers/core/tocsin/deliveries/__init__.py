"""Deliveries: their messages, the outcome of each attempt, and the loop that every transport runs."""

from tocsin.deliveries.model import Attempt, DeliveryMessage
from tocsin.notifications.outcome import Outcome, State

__all__ = ["Attempt", "DeliveryMessage", "Outcome", "State"]
