"""An optional second factor beside the password: codes of an authenticator app, passkeys and recovery codes."""
