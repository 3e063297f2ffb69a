"""The kernel of `head_kernel`; imported only where Triton is."""

# mypy: disable-error-code="import-not-found,untyped-decorator,import-untyped,no-untyped-def"
# Triton compiles the annotations, too, and knows none but its own: arguments must stay without.
import triton
import triton.language as tl


@triton.jit
def cross_entropy(
    logits,  # noqa: ANN001
    targets,  # noqa: ANN001
    losses,  # noqa: ANN001
    share,  # noqa: ANN001
    stride,  # noqa: ANN001
    size,  # noqa: ANN001
    ignored,  # noqa: ANN001
    WANTED: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One row: its loss and, WANTED, its gradient in its place."""
    row = tl.program_id(0).to(tl.int64)
    target = tl.load(targets + row)
    start = logits + row * stride
    if target == ignored:
        tl.store(losses + row, 0.0)
        if WANTED:
            for at in range(0, size, BLOCK):
                places = at + tl.arange(0, BLOCK)
                tl.store(start + places, 0.0, mask=places < size)
        return
    highest = tl.full((), float("-inf"), tl.float32)
    total = tl.full((), 0.0, tl.float32)
    for at in range(0, size, BLOCK):
        places = at + tl.arange(0, BLOCK)
        told = tl.load(start + places, mask=places < size, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(highest, tl.max(told, 0))
        total = total * tl.exp(highest - higher) + tl.sum(tl.exp(told - higher), 0)
        highest = higher
    normal = highest + tl.log(total)
    tl.store(losses + row, normal - tl.load(start + target).to(tl.float32))
    if WANTED:
        factor = tl.load(share)
        # the target's logit has been read by all before it is overwritten
        tl.debug_barrier()
        for at in range(0, size, BLOCK):
            places = at + tl.arange(0, BLOCK)
            inside = places < size
            told = tl.load(start + places, mask=inside, other=float("-inf")).to(tl.float32)
            slope = tl.exp(told - normal)
            slope = tl.where(places == target, slope - 1.0, slope) * factor
            tl.store(start + places, slope.to(logits.dtype.element_ty), mask=inside)
