"""Muon for the convolutions, Adam for the rest.

Muon (K. Jordan, 2024, kellerjordan.github.io/posts/muon): momentum, then the update's singular values are
all brought near one by five Newton-Schulz iterations, so that rare directions of a small network learn as fast as common ones.
"""

import torch


def orthogonal(g, rounds=5):
    """Matrix of g's singular vectors with singular values near 1 (0.7 to 1.2). [rows, columns] f32."""
    a, b, c = 3.4445, -4.7750, 2.0315
    flip = g.shape[0] > g.shape[1]
    x = g.T if flip else g
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if flip else x


class Muon(torch.optim.Optimizer):
    """For weights of two or more dimensions, seen as [outputs, everything else]."""

    def __init__(self, params, lr=0.01, momentum=0.95, decay=0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                g = p.grad.lerp(m, group["momentum"]).reshape(len(p), -1)
                update = orthogonal(g) * max(1.0, g.shape[0] / g.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(update.view_as(p), alpha=-group["lr"])
