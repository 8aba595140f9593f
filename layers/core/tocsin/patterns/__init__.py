"""The event pattern language of Amazon EventBridge, for one pattern and for thousands at once.

`Pattern(definition).matches(event)` tells whether an event matches a pattern. `PatternIndex({name:
definition}).match(event)` tells which of many patterns it matches, at about the same cost for ten as for ten
thousand. PatternError is what is raised for a definition that EventBridge refuses.

A definition is a JSON object, or the JSON text of one. Each field that it names must be in the event, nested
alike, with one of the values in the field's list, or with one that an operator in the list takes:

    {"source": ["billing"], "detail": {"ip": [{"cidr": "10.0.0.0/8"}], "total": [{"numeric": [">=", 5]}]}}

Source: the EventBridge user guide, "Event patterns" and "Comparison operators for use in event patterns".
Where it is silent, aws/event-ruler, the engine of EventBridge, decides.
"""

from tocsin.patterns.definition import Definition
from tocsin.patterns.errors import PatternError
from tocsin.patterns.index import PatternIndex
from tocsin.patterns.pattern import Pattern

__all__ = ["Definition", "Pattern", "PatternError", "PatternIndex"]
