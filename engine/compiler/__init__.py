"""The compiler: one operation of a valid document becomes Python functions that answer it.

What a document selects is collected by graphql-core's own algorithm, once; what deviates from
the plain way while it runs (a wrong value, an error, something to await) is handed to functions
that follow graphql-core step by step. So only the plain way is written anew, and it is generated.
"""
