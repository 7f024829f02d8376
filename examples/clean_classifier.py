"""A classifier as AIMET wants it: one module per operation, each used once, tensors in and out."""

import torch
from torch import nn


class ConvBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(self.relu(self.bn(self.conv(x))))


class CleanClassifier(nn.Module):
    def __init__(self, classes: int = 10):
        super().__init__()
        self.block1 = ConvBlock(3, 16)
        self.block2 = ConvBlock(16, 32)
        self.block3 = ConvBlock(32, 64)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(64 * 4 * 4, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.block1(image)
        x = self.block2(x)
        x = self.block3(x)
        x = self.dropout(self.flatten(x))
        return self.head(x)
