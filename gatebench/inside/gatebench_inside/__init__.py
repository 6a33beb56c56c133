"""The little that runs in the app's own process, on Python 3.10 to 3.14 and Django 4.2 to 6.1.

It imports nothing of Gatebench, so that this folder alone is put on the app's sys.path. What a run decides comes as
one JSON object in the environment (spec.py).
"""
