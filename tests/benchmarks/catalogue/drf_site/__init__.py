"""A shop as Django REST framework's tutorial would have it, on the tables that the example project made."""
