"""A U-Net in miniature: an encoder, a decoder with skip connections, one mask per class."""

import torch
from torch import nn
from torch.nn import functional as F


class DoubleConv(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x):
        x = F.leaky_relu(self.first(x), 0.1)
        x = F.leaky_relu(self.second(x), 0.1)
        return x


class Up(nn.Module):
    """Doubles height and width, joins the skip connection, and mixes both."""

    def __init__(self, inputs: int, outputs: int, learned: bool = False):
        super().__init__()
        if learned:
            self.up = nn.ConvTranspose2d(inputs, inputs, kernel_size=2, stride=2)
        else:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.mix = DoubleConv(inputs + outputs, outputs)

    def forward(self, x, skip):
        x = self.up(x)
        x = torch.cat([skip, x], dim=1)
        return self.mix(x)


class UNet(nn.Module):
    def __init__(self, classes: int = 4, width: int = 16):
        super().__init__()
        self.enter = DoubleConv(3, width)
        self.down1 = DoubleConv(width, 2 * width)
        self.down2 = DoubleConv(2 * width, 4 * width)
        self.pool = nn.MaxPool2d(2)
        self.up1 = Up(4 * width, 2 * width, learned=True)
        self.up2 = Up(2 * width, width)
        self.leave = nn.Conv2d(width, classes, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        shallow = self.enter(image)
        middle = self.down1(self.pool(shallow))
        deep = self.down2(self.pool(middle))
        x = self.up1(deep, middle)
        x = self.up2(x, shallow)
        masks = self.leave(x)
        masks = F.interpolate(masks, scale_factor=2, mode="bilinear", align_corners=True)
        return torch.sigmoid(masks)
