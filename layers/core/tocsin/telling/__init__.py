"""Whether, when and how a person is told: preferences, quiet hours and digests, and the one decision made of them."""
