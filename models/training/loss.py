"""The loss of a training step: every exit against the labels, and the last exit as teacher of the others.

Exact at a sixteenth of the cost of upsampled logits: a training step looks at one pixel of every 4x4 cell, at one
offset (dy, dx), where bilinear upsampling by four is a fixed mixture of two by two logits.

Nothing here waits for a value, so that a CUDA graph can hold it.
"""

from functools import lru_cache

import torch
from torch.nn import functional as F

VOID = 11


@lru_cache
def exit_weights(n, device="cpu"):
    """The last exit weighs as much as all the others together."""
    weights = [0.5 / (n - 1)] * (n - 1) + [0.5] if n > 1 else [1.0]
    return torch.tensor(weights, device=device)


def moved(x, dim, by):
    """x read at `by` (-0.5 to 0.5, a tensor) cells from every centre, linear between centres, borders repeated."""
    n = x.shape[dim]
    before = torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, n - 1)], dim)
    after = torch.cat([x.narrow(dim, 1, n - 1), x.narrow(dim, n - 1, 1)], dim)
    return x * (1 - by.abs()) + before * (-by).clamp(min=0) + after * by.clamp(min=0)


def at_offset(logits, offset):
    """What bilinear upsampling by four gives at pixels (4i + dy, 4j + dx), `offset` an integer tensor (dy, dx):
    [..., H, W] to the same shape."""
    by = (offset + 0.5) / 4 - 0.5
    return moved(moved(logits, -2, by[0]), -1, by[1])


def labels_at(labels, offset):
    """Those pixels of the labels: [N,4H,4W] to [N,H,W]."""
    rows = torch.arange(0, labels.shape[1], 4, device=labels.device) + offset[0]
    columns = torch.arange(0, labels.shape[2], 4, device=labels.device) + offset[1]
    return labels.index_select(1, rows).index_select(2, columns)


def lovasz(p, y):
    """Lovasz-Softmax (Berman, Triki, Blaschko, arXiv 1705.08790) over the classes present.
    p [pixels, 11] probabilities, y [pixels] labels; void has no error and so no part in it."""
    truth = F.one_hot(y, VOID + 1).T[:VOID].float()
    present = truth.amax(1)
    error, order = ((truth - p.T).abs() * (y != VOID)).sort(dim=1, descending=True)
    truth = truth.gather(1, order)
    hit = truth.sum(1, keepdim=True) - truth.cumsum(1)
    jaccard = 1 - hit / (hit + truth.cumsum(1) + (1 - truth).cumsum(1))
    jaccard = torch.cat([jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]], 1)
    return ((error * jaccard).sum(1) * present).sum() / present.sum().clamp(min=1)


def loss_of(exits, labels, weights, distil, iou, offset):
    """exits: n of [N,11,H,W]; labels [N,4H,4W]; weights [12], void's is 0. Cross-entropy weighted by class, `distil` times the
    last exit's opinion for the others, `iou` times the Lovasz loss of the last exit and of another one, drawn."""
    n = len(exits)
    logp = at_offset(torch.stack(exits).contiguous().float(), offset).log_softmax(2)
    y = labels_at(labels, offset)
    each = exit_weights(n, labels.device)
    with torch.no_grad():
        of_pixel, known = weights[y], (y != VOID).float()
        of_pixel = of_pixel / of_pixel.sum().clamp(min=1e-6)
        wanted = F.one_hot(y, VOID + 1).permute(0, 3, 1, 2)[:, :VOID] * of_pixel[:, None] * each.view(n, 1, 1, 1, 1)
        opinion = logp[-1].exp() * (known / known.sum().clamp(min=1))[:, None]
        wanted[:-1] += distil * each[:-1].view(n - 1, 1, 1, 1, 1) * opinion
    loss = -(wanted * logp).sum()
    some = slice(None, None, 2)
    other = torch.randint(n, (1,), device=labels.device)
    for k in (logp[-1], logp.index_select(0, other)[0]):
        p = k[:, :, some, some].exp().permute(0, 2, 3, 1).reshape(-1, VOID)
        loss = loss + iou * 0.5 * lovasz(p, y[:, some, some].reshape(-1))
    return loss
