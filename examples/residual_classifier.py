"""A small residual classifier, written the way many of us write one."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        shortcut = x
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        # The same instance a second time: AIMET would treat both as one layer.
        return self.relu(x + shortcut)


class ResidualClassifier(nn.Module):
    """Stem, two stages, and a head that returns its features too."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, kernel_size=3, stride=2, padding=1)
        self.stage1 = nn.Sequential(ResidualBlock(32), ResidualBlock(32))
        self.down = nn.Conv2d(32, 64, kernel_size=3, stride=2, padding=1)
        self.stage2 = nn.Sequential(ResidualBlock(64), ResidualBlock(64))
        self.fc1 = nn.Linear(64 * 4 * 4, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x: torch.Tensor):
        x = F.relu(self.stem(x))
        x = self.stage1(x)
        x = F.relu(self.down(x))
        x = self.stage2(x)
        x = F.max_pool2d(x, kernel_size=2)
        x = x.view(-1, 1024)
        features = torch.tanh(self.fc1(x))
        x = F.dropout(features, 0.2, self.training)
        logits = self.fc2(x)
        return {"logits": logits, "features": features}
