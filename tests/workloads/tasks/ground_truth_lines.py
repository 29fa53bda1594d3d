"""Label and metadata of every sample that Ground Truth's documentation has for our task types.

As they stand there, key order and all; `DOC` samples come back byte for byte, and what is a wart in
them is named.
"""

from __future__ import annotations

from dataclasses import dataclass

from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Wart


@dataclass(frozen=True)
class Sample:
    task_type: str
    classes: Classes
    value: str
    metadata: str
    warts: frozenset[Wart] = frozenset()


def of(*names: str, **short: str) -> Classes:
    return Classes(names, short)


SAMPLES = {
    "image classification": Sample(
        "ImageClassification",
        of("football", "tennis"),
        "0",
        '{"class-name":"football","confidence":0.0,"type":"groundtruth/image-classification",'
        '"job-name":"identify-sport","human-annotated":"yes",'
        '"creation-date":"2018-10-18T22:18:13.527256"}',
    ),
    "text classification": Sample(
        "TextClassification",
        of("negative", "positive"),
        '"1"',
        '{"class-name":"positive","confidence":0.8,"type":"groundtruth/text-classification",'
        '"job-name":"label-sentiment","human-annotated":"yes",'
        '"creation-date":"2020-10-18T22:18:13.527256"}',
        frozenset({Wart.CLASS_AS_TEXT}),
    ),
    "multi-label": Sample(
        "ImageClassificationMultiLabel",
        of("person", "bicycle", "c2", "c3", "c4", "c5", "c6", "c7", "clothing"),
        "[1,0,8]",
        '{"job-name":"labeling-job/attr","class-map":{"1":"bicycle","0":"person","8":"clothing"},'
        '"human-annotated":"yes","creation-date":"2020-02-27T21:36:25.000201",'
        '"confidence-map":{"1":0.95,"0":0.77,"8":0.2},'
        '"type":"groundtruth/image-classification-multilabel"}',
    ),
    "boxes": Sample(
        "BoundingBox",
        of("dog", "c1", "c2", "c3", "c4", "bone"),
        '{"image_size":[{"width":500,"height":400,"depth":3}],'
        '"annotations":[{"class_id":0,"left":111,"top":134,"width":61,"height":128}]}',
        '{"objects":[{"confidence":0.8}],"class-map":{"0":"dog","5":"bone"},'
        '"type":"groundtruth/object-detection","human-annotated":"yes",'
        '"creation-date":"2018-10-18T22:18:13.527256","job-name":"identify-dogs-and-toys"}',
    ),
    "segmentation": Sample(
        "SemanticSegmentation",
        of("buildings"),
        '"s3://b/x.png"',
        '{"internal-color-map":{'
        '"0":{"class-name":"BACKGROUND","confidence":0.9,"hex-color":"#ffffff"},'
        '"1":{"class-name":"buildings","confidence":0.9,"hex-color":"#2acf59"}},'
        '"type":"groundtruth/semantic-segmentation","human-annotated":"yes",'
        '"creation-date":"2018-10-18T22:18:13.527256","job-name":"label-city-streets"}',
    ),
    "spans": Sample(
        "NamedEntityRecognition",
        of("Date", "Thing", Date="dt"),
        '{"annotations":{"labels":[{"label":"Date","shortDisplayName":"dt"}],'
        '"entities":[{"label":"Thing","startOffset":22,"endOffset":53}]}}',
        '{"job-name":"labeling-job/x","type":"groundtruth/text-span",'
        '"creation-date":"2020-10-29T00:40:39.398470","human-annotated":"yes",'
        '"entities":[{"confidence":0}]}',
    ),
    "verification": Sample(
        "LabelVerification",
        of("good", "bad"),
        '"1"',
        '{"class-name":"bad","confidence":0.93,"type":"groundtruth/label-verification",'
        '"job-name":"verify-bounding-boxes","human-annotated":"yes",'
        '"creation-date":"2018-11-20T22:18:13.527256","worker-feedback":[{"comment":'
        '"The bounding box on the bird is too wide on the right side."}]}',
        frozenset({Wart.CLASS_AS_TEXT}),
    ),
    "adjusted boxes": Sample(
        "LabelAdjustment",
        of("dog"),
        '{"image_size":[{"width":500,"height":400,"depth":3}],'
        '"annotations":[{"class_id":0,"left":110,"top":134,"width":62,"height":128}]}',
        '{"objects":[{"confidence":0.8}],"class-map":{"0":"dog"},'
        '"type":"groundtruth/object-detection","human-annotated":"yes",'
        '"creation-date":"2018-11-20T22:18:13.527256","job-name":"adjust-boxes",'
        '"adjustment-status":"adjusted"}',
    ),
    "unadjusted masks": Sample(
        "LabelAdjustment",
        of("buildings"),
        '"s3://b/y.png"',
        '{"internal-color-map":{"1":{"class-name":"buildings","confidence":0.9,'
        '"hex-color":"#2acf59"}},"type":"groundtruth/semantic-segmentation",'
        '"human-annotated":"yes","creation-date":"2018-11-20T22:18:13.527256",'
        '"job-name":"adjust-masks","adjustment-status":"unadjusted"}',
    ),
    "custom": Sample(
        "Custom",
        of(),
        '{"whatever":[1,2]}',
        '{"job_name":"labeling-job/mine","type":"groundTruth/custom","human-annotated":"yes",'
        '"creation_date":"2018-11-20T22:18:13.527256"}',
        frozenset({Wart.UNDERSCORES}),
    ),
    "machine boxes on a point cloud's key": Sample(
        "BoundingBox",
        of("Car"),
        '{"image_size":[{"width":5,"height":4,"depth":1}],"annotations":[]}',
        '{"objects":[],"class_map":{"0":"Car"},"type":"groundtruth/object-detection",'
        '"human-annotated":"no","creation-date":"2018-10-18T22:18:13.527256","job-name":"j"}',
        frozenset({Wart.CLASS_MAP_UNDERSCORE}),
    ),
}
