"""The press of one process: the graph's documents and renderer, made when first asked for.

Its imports are a server's, which most commands spare.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from core.domain.mirrors import Mirrored
from core.settings import Settings

if TYPE_CHECKING:
    from engine import Documents
    from resolvers.asking import Ask
    from schema.mirror import Mirror
    from schema.rendering import Renderer


class Press:
    """Shared by the graph and by what endpoints mirror (`core.domain.mirrors.Mirror`)."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is made yet."""
        self._settings = settings
        self.nobody: Callable[[], Ask] | None = None
        """Makes the context of nobody, in which events are shown."""

    @cached_property
    def documents(self) -> "Documents":
        """The documents of the graph, under the limits of the settings."""
        from engine import Limits  # noqa: PLC0415 - see above
        from schema import press  # noqa: PLC0415

        settings = self._settings
        limits = Limits(
            text_bytes=settings.body_bytes,
            tokens=settings.document_tokens,
            depth=settings.document_depth,
            aliases=settings.document_aliases,
            nodes=settings.document_nodes,
            cost=settings.document_cost,
        )
        return press(limits, settings.engine)

    @cached_property
    def renderer(self) -> "Renderer":
        """What shows events, to sockets and endpoints alike."""
        from schema.rendering import Renderer  # noqa: PLC0415

        return Renderer(self._settings.rendering_bytes)

    async def document(self, text: str, variables: Mapping[str, Any]) -> Mirrored:
        """`core.domain.mirrors.Mirror.document`."""
        return await self._mirror.document(text, variables)

    @cached_property
    def _mirror(self) -> "Mirror":
        from schema.mirror import Mirror  # noqa: PLC0415

        if self.nobody is None:
            sentence = "The press is of no house yet: see `app.server.begin`."
            raise RuntimeError(sentence)
        return Mirror(self.documents, self.renderer, self.nobody())
