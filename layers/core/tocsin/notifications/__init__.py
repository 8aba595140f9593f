"""How a notification looks: one context, and a module a medium that turns it into what is sent.

    context    what every mode, mapping and template sees
    texts      plain, measured, cut with a visible mark
    webhook    the default JSON body
    mapping    CEL in place of a body, for headers, for what an inbox stores
    slack      the attachment of Slack, and of Discord through its `/slack` URL
    mail       subject, HTML and text of an e-mail, in the recipient's language
    addresses  who an e-mail goes to, spelled as mail wants it
    catalogues the translations of the e-mail
    custom     templates that customers write, in a sandbox with bounds

Nothing here does network I/O. Jinja2 is loaded by `mail` and `custom` alone, so that the webhook and Slack
functions start without it; this package therefore imports none of its modules.
"""
