from spacy.errors import ErrorsWithCodes


# fmt: off
class Warnings(metaclass=ErrorsWithCodes):
    LW201 = ("The transformer that this pipeline shares has cut a span of {text!r} "
             "that has more word pieces than it can read. Lower 'window' and "
             "'stride' in [components.transformer.model.get_spans], or give "
             "'longtail_textcat' a transformer of its own, which cuts nothing.")
    LW301 = ("The thresholds of '{name}' were fitted to the probabilities before its "
             "'{setting}' was changed, so they are dropped. Fit them again.")
    LW302 = ("{n} documents have no label of '{name}' but others, which are left "
             "alone: {labels}. If they should be trained, put them among its 'labels'.")
    LW303 = ("The thresholds of '{name}' were chosen for the model as it was, so they "
             "are dropped. Choose them again after training, with 'spacy longtail "
             "tune'.")
    LW304 = ("'{name}' trains its {n} labels as one class, so that an update can't "
             "teach it to tell them apart: each has fewer than min_count = {min_count} "
             "documents. Lower 'min_count', or call its warm_start with the documents "
             "before.")
    LW305 = ("The scores in {file} aren't those that '{name}' was saved with: a "
             "training was interrupted while it saved, so that scores and settings may "
             "be newer than the weights, or they were edited. Take 'model-best', or "
             "evaluate the pipeline.")
    LW306 = ("'{name}' was saved with {files}, which can't be found. If they weren't "
             "left out on purpose, copy the whole pipeline: without them, its answers "
             "may be others.")
    LW401 = ("'{name}' has nothing to do so far: '{source}' pools no labels and none "
             "were added at run time. It costs nothing meanwhile. It has with a higher "
             "'min_count', or with labels from 'add_label'; if you want neither, leave "
             "the component out.")
    LW402 = ("'{name}' leaves documents as they are that '{source}' hasn't "
             "categorized. Enable '{source}', or disable both.")
    LW403 = ("'{name}' makes the pipeline worse: per document with a gold label, it "
             "broke {broken:.4f} decisions and fixed only {fixed:.4f}, which isn't "
             "chance. If it's still so after the training, fit its weight to the dev "
             "corpus with 'fit_mixture', raise 'route_threshold', use another ranker, "
             "or leave the component out.")
    LW501 = ("{n_docs} documents have a gold label that training never saw, "
             "{n_labels} different ones, for example {labels}. They are scored as "
             "missed. Add training documents of these, or correct their spelling.")
    LW502 = ("{n_labels} gold labels were never seen in training, for example "
             "{labels}. They are scored as missed. Add training documents of these "
             "labels, or correct their spelling.")
    LW505 = ("{n_known:,} of the {n_docs:,} documents that '{name}' is scored on have "
             "a text that it was trained on, so that the scores are too good. Score "
             "other texts, like those of the dev and test files of 'convert'.")
    LW506 = ("None of the {n_docs:,} documents that '{name}' is scored on has a gold "
             "label of it, so that there is nothing to compare with. Give documents "
             "with gold labels in 'doc.cats', spelled as in the training data.")
    LW507 = ("{n:,} of the {total:,} codes from {source} on mean no label of the "
             "training data, for example {codes}. Their titles aren't used. Check "
             "their spelling, unless the table is simply larger.")
    LW508 = ("{n:,} codes from {source} on have lost zeros, as spreadsheets do with "
             "numbers, and were taken for what they can only mean: {codes}. Write "
             "codes as text.")
    LW509 = ("{path} was made for the language {found!r}, but is used for {lang!r}, "
             "whose words can be others. Take {found!r}, with --lang of 'init-config' "
             "or --nlp.lang of 'spacy train', or convert it again with --lang {lang}.")
# fmt: on
