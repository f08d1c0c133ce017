"""The compiled fast path: whole buffers of a capture in, columns of what events need out.

It is a second reading of the same tables (`program`), for speed; the plain `Decoder` stays the
reference, and every frame that asks for more than the kernel knows is handed to it. See `kernel`
for the rule that keeps the two in step, `columns` for what comes out.

Needs the extra ``fast`` (numba). Without it every frame goes to the plain decoder: the same
columns, slower.
"""

from decoders.kernel.columns import Batch
from decoders.kernel.compiled import COMPILED
from decoders.kernel.frames import FrameReader, Frames, Origin, frames_of
from decoders.kernel.kernel import Kernel

__all__ = ["COMPILED", "Batch", "FrameReader", "Frames", "Kernel", "Origin", "frames_of"]
