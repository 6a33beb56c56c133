"""What is measured, as frozen values: they are passed to whoever needs them and looked up by nobody.

A run writes them whole into run.json. Every module here uses the standard library only: an app's own interpreter can
import them.
"""
