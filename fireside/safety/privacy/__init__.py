"""Personal data: finding it, taking it out or hiding it, and giving it back to its owner alone.

It refuses to find out whose a value is, and to ask anybody outside this machine.
"""
