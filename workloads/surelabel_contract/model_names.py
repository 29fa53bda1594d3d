"""Names that ``autoLabeling.model.name`` can have, known to operator and stages alike."""

from __future__ import annotations

# Trained and tuned here, without parameters.
OWN_MODELS = (
    "Blend",
    "KernelRidge",
    "LinearDiscriminantAnalysis",
    "LogisticRegression",
    "NearestCentroid",
    "SVM",
)
# scikit-learn's classifiers by class name: those that take numbers and can be made without
# another estimator. A name that is among ours as well is ours, unless it has parameters.
SCIKIT_LEARN = (
    "AdaBoostClassifier",
    "BaggingClassifier",
    "BernoulliNB",
    "CalibratedClassifierCV",
    "ComplementNB",
    "DecisionTreeClassifier",
    "DummyClassifier",
    "ExtraTreeClassifier",
    "ExtraTreesClassifier",
    "GaussianNB",
    "GaussianProcessClassifier",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier",
    "KNeighborsClassifier",
    "LabelPropagation",
    "LabelSpreading",
    "LinearDiscriminantAnalysis",
    "LinearSVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "MLPClassifier",
    "MultinomialNB",
    "NearestCentroid",
    "NuSVC",
    "Perceptron",
    "QuadraticDiscriminantAnalysis",
    "RadiusNeighborsClassifier",
    "RandomForestClassifier",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
    "SVC",
)
MODEL_NAMES = ("Auto", *dict.fromkeys((*OWN_MODELS, *SCIKIT_LEARN)))
# Those that take no parameters.
FIXED_MODELS = ("Auto", *(name for name in OWN_MODELS if name not in SCIKIT_LEARN))
