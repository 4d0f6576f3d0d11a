"""Muon for the convolutions, Adam for the rest; rates are tensors, so that a CUDA graph can hold the update.

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


class Muon:
    """For weights of two or more dimensions, seen as [outputs, everything else]."""

    def __init__(self, params, momentum=0.95):
        self.params, self.momentum = list(params), momentum
        self.moments = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self, rate):
        for p, m in zip(self.params, self.moments):
            if p.grad is None:
                continue
            m.lerp_(p.grad, 1 - self.momentum)
            g = p.grad.lerp(m, self.momentum).reshape(len(p), -1)
            p.sub_(rate * max(1.0, g.shape[0] / g.shape[1]) ** 0.5 * orthogonal(g).view_as(p))

    def state(self):
        return {"moments": self.moments}

    def load(self, state):
        copy_all(self.moments, state["moments"])


class Adam:
    """Adam (arXiv 1412.6980) on all its parameters at once; those without a gradient in a step rest."""

    def __init__(self, params, betas=(0.9, 0.999)):
        self.params, self.betas = list(params), betas
        self.first = [torch.zeros_like(p) for p in self.params]
        self.second = [torch.zeros_like(p) for p in self.params]
        self.steps = [torch.zeros((), device=self.params[0].device)]

    @torch.no_grad()
    def step(self, rate):
        having = [k for k, p in enumerate(self.params) if p.grad is not None]
        params, first, second = ([of[k] for k in having] for of in (self.params, self.first, self.second))
        grads = [p.grad for p in params]
        steps = self.steps[0].add_(1)
        torch._foreach_lerp_(first, grads, 1 - self.betas[0])
        torch._foreach_mul_(second, self.betas[1])
        torch._foreach_addcmul_(second, grads, grads, 1 - self.betas[1])
        size = torch._foreach_sqrt(second)
        torch._foreach_mul_(size, (1 - self.betas[1] ** steps).rsqrt())
        torch._foreach_add_(size, 1e-8)
        update = torch._foreach_div(first, size)
        torch._foreach_mul_(update, -rate / (1 - self.betas[0] ** steps))
        torch._foreach_add_(params, update)

    def state(self):
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load(self, state):
        for name in ("first", "second", "steps"):
            copy_all(getattr(self, name), state[name])


def copy_all(to, values):
    for a, b in zip(to, values, strict=True):
        a.copy_(b)


@torch.no_grad()
def clip(params, limit=1.0):
    """Scales the gradients to a norm of `limit` at most; where any of them is not finite, all become 0.
    Returns the norm."""
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack(torch._foreach_norm(grads)).norm()
    scale = torch.where(norm.isfinite(), (limit / (norm + 1e-6)).clamp(max=1), 0)
    for g in grads:
        g.nan_to_num_(0, 0, 0)
    torch._foreach_mul_(grads, scale)
    return norm
