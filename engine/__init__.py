"""GraphQL as a press: documents in, results out. Knows GraphQL and nothing of devices.

`Documents.get` makes a text a `Document`, once; `Document.operation` chooses what to run, which
says what scopes it misses and how much it may answer; `run` and `stream` answer it.
"""

from engine.compiler.plan import Engine, said
from engine.cost import Cost
from engine.documents import Documents
from engine.errors import Code, Fault, Rejected
from engine.limits import Limits
from engine.operations import Document, Kind, Operation, RenderingKey
from engine.results import Result
from engine.run import Rendering, run, stream
from engine.scopes import OPEN, Alternatives, Need, Requirements, both, opened

__all__ = [
    "OPEN",
    "Alternatives",
    "Code",
    "Cost",
    "Document",
    "Documents",
    "Engine",
    "Fault",
    "Kind",
    "Limits",
    "Need",
    "Operation",
    "Rejected",
    "Rendering",
    "RenderingKey",
    "Requirements",
    "Result",
    "both",
    "opened",
    "run",
    "said",
    "stream",
]
