"""Samples are judged one way: a calibrated classifier for each data set, trained once, and what it measures.

quality = sample_quality(images, dataset)              # {"frechet_distance": …, "precision": …, …}
rows = reference_rows(dataset, count=len(images))      # what to print beside it
"""

from deeplearn.judge.judges import Judge, judge
from deeplearn.judge.quality import nearest_training, need_judge, reference_rows, sample_count, sample_quality

__all__ = ["Judge", "judge", "nearest_training", "need_judge", "reference_rows", "sample_count", "sample_quality"]
