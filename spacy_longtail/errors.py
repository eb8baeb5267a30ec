from spacy.errors import ErrorsWithCodes


# fmt: off
class Errors(metaclass=ErrorsWithCodes):
    # L0xx: taxonomy, labels and descriptions
    L001 = ("The label {label!r} has an empty segment at position {index} of its "
            "path. A label is a full path, its segments separated by "
            "{separator!r}, for example {example!r}. Correct the label, or set "
            "another 'separator' in the config of the component.")
    L002 = ("Found {n} label(s) that nothing stands below: {labels}. At least two "
            "are needed to learn from. Check that the training data have the "
            "gold labels in 'doc.cats', for example {{'banking/transfer': 1.0}}.")
    L003 = ("The setting 'keep' names {label!r}, which is neither a label nor an "
            "inner node of the training data. Did you mean: {similar}?")
    L004 = ("'min_count' has to be a whole number of at least 0, but got "
            "{value!r}. Use 0 to pool nothing.")
    L005 = ("The 'separator' between the segments of a label has to be a string "
            "of at least one character, but got {value!r}.")
    L006 = ("The count of the label {label!r} has to be a whole number of at "
            "least 0, but got {value!r}. Make the label file again with "
            "'spacy init labels'.")
    L007 = ("Can't read the taxonomy: {problem}. It is written by the component "
            "itself or by 'spacy init labels' and isn't meant to be edited.")
    L020 = ("{source}: {problem}. Expected one JSON object a line: "
            "{{\"label\": \"banking/transfer\", \"description\": \"…\"}}.")
    L021 = ("{source}: there is a second description of {label!r}; the first one "
            "is in {first}. Keep one of them.")
    L022 = ("{source}: the description is of {label!r}, which is neither a label "
            "nor an inner node of the training data. Did you mean: {similar}?")
    L023 = ("Can't find the file of label descriptions: {path}. Check "
            "'--paths.descriptions', or leave it out: the words of the labels "
            "serve then.")

    # L1xx: losses
    L101 = ("The loss needs logits and truths of the same shape (documents, "
            "leaves), but got {guesses} and {truths}. Expected {n_leaves} leaves.")
    L102 = ("WeightedCrossEntropy needs a 'power' of at least 0, but got {value}. "
            "1.0 weights by inverse frequency, 0.0 not at all.")
    L103 = ("WeightedCrossEntropy needs a 'cap' above 0 or null for no cap, but "
            "got {value}.")
    L104 = ("ClassBalanced needs a 'beta' of at least 0 and below 1, but got "
            "{value}. Use 0.0 for no weighting and values close to 1, for example "
            "0.999, to weight by inverse frequency.")
    L105 = ("LogitAdjusted needs a 'tau' of at least 0, but got {value}. 0.0 is "
            "the plain loss, 1.0 balances the classes.")
    L106 = ("Focal needs a 'gamma' of at least 0, but got {value}. 0.0 is the "
            "plain loss; 1.0 to 3.0 are usual.")
    L107 = ("LDAM needs a '{name}' above 0, but got {value}.")
    L108 = ("{loss} needs a '{name}' {expected}, but got {value!r}. Check the block of "
            "the loss in the config.")

    # L2xx: layers, models and vectors
    L201 = ("{layer} needs a '{name}' {expected}, but got {value!r}. Check the "
            "[components.*.model] block of the config.")
    L202 = ("{layer} can't run before it knows its taxonomy. Initialize the "
            "pipeline with 'nlp.initialize' or load a trained one.")
    L203 = ("The saved pipeline was trained with the word vectors '{saved}', but "
            "the config builds '{found}'. Use the vectors it was trained with.")
    L204 = ("The data of the word rows were saved in format {found}, but this "
            "version of spacy-longtail reads formats up to {known}. Update it: "
            "pip install -U spacy-longtail")
    L250 = ("There are no bundled word vectors named {name!r}. Available: {names}. "
            "Check 'name' of the BundledVectors block of the config.")
    L251 = ("Can't find the word vector file {path}. If it belongs to "
            "spacy-longtail, install the package again: pip install "
            "--force-reinstall spacy-longtail")
    L252 = ("The word vector file {path} is damaged: its SHA-256 should be "
            "{expected}, but is {found}. If it belongs to spacy-longtail, install "
            "the package again: pip install --force-reinstall spacy-longtail")
    L253 = ("Can't read the description of the word vectors, {path}: {problem}. "
            "If the vectors were made by a newer version of spacy-longtail, update "
            "it: pip install -U spacy-longtail. Otherwise make them again.")
    L254 = ("The word vectors {name!r} need one distinct word and one scale for "
            "each row, but there are {words} words ({distinct} distinct), rows of "
            "shape {rows} and scales of shape {scales}.")
    L255 = ("Can't read the word vectors in {path}: {error}. Install the pipeline "
            "again, or make its vectors again with 'spacy init vectors'.")
    L256 = ("PipelineVectors needs a 'path': the name of an installed pipeline with "
            "word vectors, for example 'en_core_web_md', or the folder of one.")
    L257 = ("Can't find a pipeline with word vectors at {path!r}. Give the name of "
            "an installed pipeline, for example 'en_core_web_md', a pipeline folder, "
            "or the output folder of 'spacy init vectors'.")
    L258 = ("The pipeline {path!r} has no word vectors. Use one that has, for "
            "example 'en_core_web_md' (pipelines named 'sm' and 'trf' have none).")
    L259 = ("The vectors of {path!r} are floret vectors, which have no row for each "
            "word. Use vectors in the default mode, or floret vectors through "
            "'spacy-longtail.PooledTok2Vec.v1' with 'include_static_vectors'.")

    # L3xx: components
    L301 = ("The component '{name}' isn't initialized, so it has no labels. Call "
            "'nlp.initialize' with training data, or load a trained pipeline.")
    L302 = ("Document {index} ({text!r}) has more than one gold label: {labels}. "
            "'{name}' needs exactly one path per document. If a document can have "
            "several labels, use 'longtail_textcat_multilabel'. If some of the keys "
            "belong to another component, list the labels of this one in "
            "[initialize.components.{name}.labels].")
    L303 = ("Document {index} ({text!r}) has the value {value!r} for the label "
            "{label!r} in its gold 'doc.cats'. Only 1.0 (yes) and 0.0 (no) can be "
            "learned from.")
    L304 = ("The training corpus is streamed ('max_epochs = -1'), so that its "
            "labels can't be counted. Count them first with 'spacy init labels' "
            "and set [initialize.components.{name}.labels], for example:\n\n"
            "[initialize.components.{name}.labels]\n"
            "@readers = \"spacy.read_labels.v1\"\npath = \"corpus/labels/{name}.json\"")
    L305 = ("The pipeline was saved by a newer version of spacy-longtail (format "
            "{found}, this version reads formats up to {known}). Update it: "
            "pip install -U spacy-longtail")
    L306 = ("'prior' has to be \"uniform\", \"train\" or a number from 0.0 to 1.0 "
            "(share of the training prior in the prediction), but got {value!r}.")
    L307 = ("'cats_top_k' has to be a whole number of at least 1, or null to write "
            "every label to 'doc.cats', but got {value!r}.")
    L308 = ("'temperature' has to be a number above 0, but got {value!r}. 1.0 "
            "leaves the probabilities as they are.")
    L309 = ("Can't add the label {label!r}: '{name}' is already initialized, and "
            "its columns are decided once. Train again with examples of the "
            "label.")
    L310 = ("The 'labels' of '{name}' have to be what 'spacy init labels' writes, "
            "a list of labels, or labels with their counts, but got {found}.")
    L311 = ("The encoder of '{name}' gave a vector that isn't finite for the document "
            "{text!r}. Check the encoder in [components.{name}.model].")
    L312 = ("'{name}' has to be a number of at least 0, but got {value!r}. Check the "
            "block of the component in the config.")

    L320 = ("'missing' has to be \"auto\" (a document without any key is unknown, and "
            "so are the labels that a document with a 0.0 doesn't name) or "
            "\"negative\" (what isn't positive is negative), but got {value!r}.")
    L321 = ("Can't set a threshold of '{name}' for {label!r}, which isn't one of its "
            "labels. Did you mean: {similar}?")
    L322 = ("A threshold has to be a number above 0 and below 1, but got {value!r} for "
            "{label!r}.")
    L323 = ("'{name}' needs an output layer whose logits are independent, such as "
            "'spacy-longtail.PrototypeSoftmax.v1', but {layer!r} isn't. Check "
            "[components.{name}.model.output].")
    L324 = ("The 'labels' of '{name}' have counts but not the number of documents, "
            "which a streamed corpus doesn't tell either. Make the label file again "
            "with 'spacy init labels'.")
    L325 = ("Document {index} ({text!r}) has the value {value!r} for the label "
            "{label!r} in its gold 'doc.cats'. Only 1.0 (yes) and 0.0 (no) can be "
            "learned from by '{name}'. Leave out what isn't known.")
    L326 = ("Fitting thresholds needs scores and truths of the same shape (documents, "
            "labels), but got {scores} and {truths}.")
    L327 = ("{name!r} has to be {expected}, but got {value!r}.")
    L328 = ("The pipeline has no component '{name}' with thresholds to fit. Found: "
            "{found}.")

    # L5xx: scorer and report
    L501 = ("The scorer needs 1 <= mid < head, the fewest training documents of a "
            "mid and of a head label, but got head = {head} and mid = {mid}. The "
            "defaults are 50 and 10.")
    L502 = ("Can't score a document with more than one gold label: {labels} "
            "({text!r}). The labels of 'longtail_textcat' exclude each other, so "
            "set one label per document to 1.0; its ancestors may be 1.0 too.")
    L503 = ("The scorer's 'ks' have to be whole numbers of at least 1, but got "
            "{value!r}.")


class Warnings(metaclass=ErrorsWithCodes):
    LW301 = ("The thresholds of '{name}' were fitted to the probabilities before its "
             "'{setting}' was changed, so they are dropped. Fit them again.")
    LW501 = ("{n_docs} documents have a gold label that training never saw, "
             "{n_labels} different ones, for example {labels}. They are scored as "
             "missed. Add training documents of these labels, or correct their "
             "spelling.")
    LW502 = ("{n_labels} gold labels were never seen in training, for example "
             "{labels}. They are scored as missed. Add training documents of these "
             "labels, or correct their spelling.")
# fmt: on
