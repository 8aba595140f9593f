"""E-mail: the message, its words in the reader's language, SES, and who is no longer written to."""
