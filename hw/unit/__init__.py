"""What both units share: identity, and states of their interpreters."""
