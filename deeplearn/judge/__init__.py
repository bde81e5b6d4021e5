"""Quality of samples, always measured the same way: by a calibrated classifier, trained once for each data set.

quality = sample_quality(images, dataset)              # {"frechet_distance": …, "precision": …, …}
rows = reference_rows(dataset, count=len(images))      # what to compare it with
"""

from deeplearn.judge.judges import Judge, judge
from deeplearn.judge.quality import (
    is_judged,
    nearest_training,
    need_judge,
    reference_rows,
    sample_count,
    sample_quality,
    swept_quality,
)

__all__ = [
    "Judge",
    "is_judged",
    "judge",
    "nearest_training",
    "need_judge",
    "reference_rows",
    "sample_count",
    "sample_quality",
    "swept_quality",
]
