"""Accounts over REST: sign-up, sign-in with sessions behind its tokens, and the users for admins."""
