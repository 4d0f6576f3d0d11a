"""Augmented crops of labelled pictures, made where the network is: on the processor or on a GPU.

Everything is drawn with torch's own generator and no value is looked at, so that a CUDA graph can hold it.
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from data import MEAN, STD, VOID

RARE = (2, 6, 7, 9, 10)  # pole, sign, fence, pedestrian, bicyclist
PLACES = 64  # pixels of rare classes that are remembered for a picture


def rare_places(labels, rng):
    """Centres (x, y) of PLACES pixels of rare classes for each picture, each class as often, and whether there are any."""
    places, some = np.zeros((len(labels), PLACES, 2), np.float32), np.zeros(len(labels), bool)
    for k, label in enumerate(labels):
        of_class = [p for p in (np.argwhere(label == c) for c in RARE) if len(p)]
        some[k] = bool(of_class)
        for i in range(PLACES if of_class else 0):
            pixels = of_class[i % len(of_class)]
            places[k, i] = pixels[rng.integers(len(pixels))][::-1] + 0.5
    return torch.from_numpy(places), torch.from_numpy(some)


class Crops:
    """Draws crops from several sets of pictures of one size; set k gives `shares[k]` of them, in the mean."""

    def __init__(self, sets, shares, device, seed=0):
        rng = np.random.default_rng(seed)
        self.images = torch.cat([torch.from_numpy(s.images) for s in sets]).permute(0, 3, 1, 2).contiguous().to(device)
        self.labels = torch.cat([torch.from_numpy(s.labels) for s in sets]).to(device)
        places, some = rare_places(self.labels.cpu().numpy(), rng)
        self.places, self.some, self.device = places.to(device), some.to(device), device
        counts = torch.tensor([len(s) for s in sets])
        self.chance = torch.repeat_interleave(torch.tensor(shares) / counts, counts).cumsum(0).float().to(device)
        self.mean = torch.tensor(MEAN, device=device).view(1, 3, 1, 1)
        self.std = torch.tensor(STD, device=device).view(1, 3, 1, 1)

    def draw(self, count, size, pair=False):
        """`count` crops of size (height, width): pictures [N,3,H,W] normalised, labels int64 [N,H,W], and as a
        pair the pictures of a moment before, else None."""
        pick = torch.searchsorted(self.chance, self.uniform(count)).clamp(max=len(self.images) - 1)
        images, labels = self.images[pick].float() / 255, self.labels[pick]
        place, mirror, colours = self.window(pick, size), self.uniform(count) < 0.5, self.colours(count)
        grid = self.grid(place, mirror, size)
        known = F.grid_sample(labels[:, None].float() - VOID, grid, "nearest", "zeros", False)[:, 0] + VOID
        before = self.paint(images, self.grid(self.earlier(place), mirror, size), colours) if pair else None
        return self.paint(images, grid, colours), known.long(), before

    def uniform(self, count, low=0.0, high=1.0):
        return torch.rand(count, device=self.device) * (high - low) + low

    def window(self, pick, size):
        """Left, top, width and height of the source windows that become the crops; they may leave the picture."""
        n, (rows, columns) = len(pick), self.images.shape[-2:]
        scale, narrow = self.uniform(n, math.log(0.75), math.log(2)).exp(), self.uniform(n, -0.1, 0.1).exp()
        width, height = size[1] / scale * narrow, size[0] / scale
        centre = self.places[pick, torch.randint(PLACES, (n,), device=self.device)]
        aimed = self.some[pick] & (self.uniform(n) < 0.5)
        left = self.start(columns - width, centre[:, 0] - self.uniform(n, 0.2, 0.8) * width, aimed)
        top = self.start(rows - height, centre[:, 1] - self.uniform(n, 0.2, 0.8) * height, aimed)
        return left, top, width, height

    def start(self, free, wanted, aimed):
        """Anywhere in what is `free` (or missing, below 0), or as near as that to `wanted` where it is `aimed`."""
        low, high = free.clamp(max=0), free.clamp(min=0)
        anywhere = low + self.uniform(len(free)) * (high - low)
        return torch.where(aimed, torch.maximum(torch.minimum(wanted, high), low), anywhere)

    def earlier(self, place):
        """The windows of a moment before: the camera drives on, shakes and turns a little."""
        left, top, width, height = place
        n = len(left)
        grown = self.uniform(n, 0.99, 1.06)
        left = left + width * (self.uniform(n, -0.03, 0.03) - (grown - 1) / 2)
        top = top + height * (self.uniform(n, -0.02, 0.02) - (grown - 1) / 2)
        return left, top, width * grown, height * grown

    def grid(self, place, mirror, size):
        """Where each pixel of the crops looks, in the coordinates of `grid_sample`: [N,H,W,2]."""
        left, top, width, height = (v[:, None] for v in place)
        across = (torch.arange(size[1], device=self.device) + 0.5) / size[1]
        across = torch.where(mirror[:, None], 1 - across, across)
        down = (torch.arange(size[0], device=self.device) + 0.5) / size[0]
        rows, columns = self.images.shape[-2:]
        x, y = 2 * (left + width * across) / columns - 1, 2 * (top + height * down) / rows - 1
        return torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)

    def colours(self, count):
        """Gamma, contrast, brightness, colour balance and saturation, each [N,1,1,1] or [N,3,1,1]."""
        gamma, contrast = self.uniform(count, -0.6, 0.6).exp(), self.uniform(count, 0.6, 1.4)
        light, balance = self.uniform(count, -0.2, 0.2), self.uniform(3 * count, 0.85, 1.15)
        colour = torch.where(self.uniform(count) < 0.5, self.uniform(count, 0.4, 1.4), 1.0)
        return *(v.view(-1, 1, 1, 1) for v in (gamma, contrast, light)), balance.view(-1, 3, 1, 1), colour.view(-1, 1, 1, 1)

    def paint(self, images, grid, colours):
        """The crops in their colours; the mean colour outside a picture."""
        gamma, contrast, light, balance, colour = colours
        x = F.grid_sample(images - self.mean, grid, "bilinear", "zeros", False) + self.mean
        x = ((x.clamp(min=1e-4) ** gamma - 0.5) * contrast + 0.5 + light) * balance
        x = x.clamp(0, 1)
        x = torch.lerp(x.mean(1, keepdim=True), x, colour).clamp(0, 1)
        return ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
