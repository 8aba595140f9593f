"""What an event is, from a producer's draft to what is stored and searched."""
