"""What is said and by what: one context, and a module a medium that turns it into what is sent.

    model, transport   a notification; a transport, its mode and its secrets
    context, text      what every mode, mapping and template sees; texts made plain, measured, cut with a mark
    wording            what is said, in one language, for all media: with actions, labels, translations, rule_words
    webhook, signing   the default JSON body, and how it is signed
    slack              chat webhooks: slack_blocks, discord, or the attachment of both; chat_text
    email/             subject, HTML and text in the recipient's language, addresses, SES, suppressions, unsubscribing
    inbox              what an inbox stores (`inbox_store`)
    mapping            CEL in place of a body, for headers, for what an inbox stores
    templates/         templates that customers write, in a sandbox with bounds
    outcome            what an attempt came to; `http_outcome` by an endpoint's answer

Jinja2 is loaded by `email/` and `templates/` alone, so that the webhook and Slack functions start without it; this
package therefore imports none of its modules.
"""
