# want: looked
# never: RAISED
import os, resource
for what in [resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE]:
    try:
        resource.setrlimit(what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print("RAISED", what)
    except (OSError, ValueError) as e:
        print(e)
print("looked")
