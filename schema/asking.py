"""What resolvers of the graph find as `info`: its context is the operation's, or the event's."""

from typing import TypeAlias

import strawberry

from resolvers.asking import Ask

Info: TypeAlias = strawberry.Info[Ask, None]
