"""The operator: watches LabelingJobs and drives them, one recorded step after the other."""
