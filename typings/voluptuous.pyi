# Home Assistant lets this name mean its own engine; the types are that engine's.
from probatio import *
