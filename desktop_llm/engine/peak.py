"""How much memory a process has taken at most, and how much there is for it."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(device: torch.device) -> int:
    """Bytes at most so far: on a GPU of tensors, else of the whole process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    # not getrusage on Linux: that begins with what the process that started this one had
    with suppress(OSError):
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    told = psutil.Process().memory_info()
    if sys.platform == "win32":
        return int(told.peak_wset)
    import resource

    return max(int(told.rss), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def forget(device: torch.device) -> bool:
    """Begin to count the peak anew from what is in use now; False where the system cannot."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:
        CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def there(device: torch.device) -> int:
    """Bytes that this process could have in all: what it has and what is free."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device))
    return int(psutil.virtual_memory().available + psutil.Process().memory_info().rss)


class Watch:
    """The peak of a part of a work, and of all of it."""

    def __init__(self, device: torch.device) -> None:
        """Nothing is forgotten yet."""
        self.device = device
        self._before = 0

    def part(self) -> bool:
        """Count a part's peak from here; False where the system cannot."""
        self._before = max(self._before, peak(self.device))
        return forget(self.device)

    def now(self) -> int:
        """The peak since the last `part`."""
        return peak(self.device)

    def most(self) -> int:
        """The peak of all of it."""
        return max(self._before, peak(self.device))
