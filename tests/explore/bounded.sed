# Fewer tries before a reader, or who unmaps, gives up: what happens then is explored too.
s/enum { TRIES = [0-9]* };/enum { TRIES = 2 };/
s/enum { REAP_TRIES = [0-9]* };/enum { REAP_TRIES = 2 };/
