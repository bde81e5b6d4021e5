"""scikit-learn's small tables: wine and breast cancer (classification), diabetes (regression)."""

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.partition import stratified

SEED = 0


class Builder(OwnBuilder):
    """60 / 20 / 20, stratified where there are classes. Features are raw: standardise on the train split."""

    name = "tables"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(
        tfds.core.BuilderConfig(name=name) for name in ("breast_cancer", "diabetes", "wine")
    )

    def about(self):
        return {"feature_names": tuple(str(name) for name in self._table().feature_names)}

    def _table(self):
        import sklearn.datasets

        return getattr(sklearn.datasets, f"load_{self.builder_config.name}")()

    def _info(self) -> tfds.core.DatasetInfo:
        table = self._table()
        answer = (
            {"label": tfds.features.ClassLabel(names=[str(name) for name in table.target_names])}
            if "target_names" in table
            else {"target": tfds.features.Scalar(np.float32)}
        )
        features = tfds.features.Tensor(shape=(table.data.shape[1],), dtype=np.float32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict({"features": features, **answer}),
        )

    def _split_generators(self, dl_manager):
        table = self._table()
        answer = "label" if "target_names" in table else "target"
        strata = table.target if answer == "label" else np.zeros(len(table.target))
        fifth = round(len(strata) / 5)
        validation, test, train = stratified(strata, [fifth, fifth], SEED)
        return {
            "train": self._generate_examples(table, answer, train),
            "validation": self._generate_examples(table, answer, validation),
            "test": self._generate_examples(table, answer, test),
        }

    def _generate_examples(self, table, answer, indices):
        features = table.data.astype(np.float32)
        for index in indices.tolist():
            yield index, {"features": features[index], answer: table.target[index].item()}
