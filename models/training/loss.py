"""The loss of a training step: every exit against the labels, and the last exit as teacher of the others.

Exact at a quarter of the cost of upsampled logits: a training step looks at one pixel in sixteen, those at
one offset (dy, dx) of every 4x4 cell, where bilinear upsampling by four is a fixed mixture of two by two logits.
"""

import torch

VOID = 11


def exit_weights(n):
    """The last exit weighs as much as all the others together."""
    return [0.5 / (n - 1)] * (n - 1) + [0.5] if n > 1 else [1.0]


def moved(x, dim, by):
    """x read at `by` (-0.5 to 0.5) cells from every centre, linear between centres, borders repeated."""
    n = x.shape[dim]
    if by < 0:
        other = torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, n - 1)], dim)
    else:
        other = torch.cat([x.narrow(dim, 1, n - 1), x.narrow(dim, n - 1, 1)], dim)
    return torch.lerp(x, other, abs(by))


def at_offset(logits, dy, dx):
    """What bilinear upsampling by four gives at pixels (4i + dy, 4j + dx): [..., H, W] to the same shape."""
    return moved(moved(logits, -2, (dy + 0.5) / 4 - 0.5), -1, (dx + 0.5) / 4 - 0.5)


def lovasz(p, y):
    """Lovasz-Softmax (Berman, Triki, Blaschko, arXiv 1705.08790) over the classes present.
    p [pixels, 11] probabilities, y [pixels] labels without void."""
    truth = torch.nn.functional.one_hot(y, VOID).T.float()
    present = truth.sum(1) > 0
    truth, p = truth[present], p.T[present]
    error, order = (truth - p).abs().sort(dim=1, descending=True)
    truth = truth.gather(1, order)
    hit = truth.sum(1, keepdim=True) - truth.cumsum(1)
    jaccard = 1 - hit / (hit + truth.cumsum(1) + (1 - truth).cumsum(1))
    jaccard = torch.cat([jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]], 1)
    return (error * jaccard).sum(1).mean()


def loss_of(exits, labels, weights, distil, iou, offset):
    """exits: n of [N,11,H,W]; labels [N,4H,4W]. Cross-entropy weighted by class, `distil` times the last exit's
    opinion for the others, `iou` times the Lovasz loss of the last exit and of another one, chosen by offset."""
    n, (dy, dx) = len(exits), offset
    logp = at_offset(torch.stack(exits).contiguous().float(), dy, dx).log_softmax(2)
    y = labels[:, dy::4, dx::4]
    known = (y != VOID).float()
    with torch.no_grad():
        of_pixel = torch.cat([weights, torch.zeros(1)])[y]
        each = torch.tensor(exit_weights(n)).view(n, 1, 1, 1, 1)
        hard = torch.zeros(y.shape[0], VOID + 1, *y.shape[1:]).scatter_(1, y[:, None], 1.0)[:, :VOID]
        wanted = hard[None] * (of_pixel / of_pixel.sum().clamp(min=1e-6))[:, None] * each
        if distil:
            wanted[:-1] += distil * each[:-1] * logp[-1].exp() * (known / known.sum().clamp(min=1))[:, None]
    loss = -(wanted * logp).sum()
    if iou and known.sum() > 0:
        rows = slice(dx % 2, None, 2)
        some = known[:, rows].bool()
        for k in {n - 1, (4 * dy + dx) % n}:
            p = logp[k][:, :, rows].exp().permute(0, 2, 3, 1)[some]
            loss = loss + iou * (0.5 if n > 1 else 1.0) * lovasz(p, y[:, rows][some])
    return loss
