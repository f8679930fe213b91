"""Tokens: who gets one, who signs it, what it opens, and the certificates that Entra's clients insist on."""
