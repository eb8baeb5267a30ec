from spacy.errors import ErrorsWithCodes


# fmt: off
class JobErrors(metaclass=ErrorsWithCodes):
    # L7xx: jobs over many rows, and the loop of new texts and categories
    L701 = ("'{name}' has to be {expected}, but got {found!r}.")
    L702 = ("The table has columns named {taken}, like those that are added with the "
            "prefix {prefix!r}. Choose another prefix, or rename them.")
    L703 = ("The table has no column {column!r} for the text. Its columns are: "
            "{columns}. Name the right one with --text, or text in code.")
    L704 = ("The column {column!r} can't be the text: it is {found}, but has to be one "
            "column of strings or numbers. Name another one, or write its text in a "
            "column of its own.")
    L705 = ("The second phase needs the table that the first one has made, which ends "
            "with the columns {first}, but got one with {columns}. Run the phase "
            "'first', with the same pipeline and options, and give what it returns.")
    L706 = ("There is no text in this row.")
    L707 = ("The text has {n:,} characters, but the pipeline takes {most:,} at most, "
            "nlp.max_length. Split it, or leave it out.")
    L708 = ("No component has decided about this text.")
    # L710 to L719: rows in, rows out
    L710 = ("{where}: there is a cell to the right of the last column, {value}. Give "
            "each column a name in the first row.")
    L711 = ("Which column of {path} is the text isn't clear. Its columns are: "
            "{columns}. Name it with --text.")
    L712 = ("{first} and {second} can't be read as one: {problem}. Give tables of the "
            "same format with the same columns, others in a run of their own.")
    L713 = ("There is no table at '{path}'. Tables end with one of {known}.")
    L714 = ("'{path}' was begun by a run with {changes}. Give the same again to go on, "
            "or '--force' to start anew.")
    L715 = ("Another run is writing to '{path}'. Wait for it, or choose another name.")
    L716 = ("Can't write the format of '{path}'. It has to be one of {known}.")
    L717 = ("Excel can't have this: {what}. Write .csv, .jsonl or .parquet.")
    L718 = ("A process ended before its work was done, with the exit code {code}. "
            "{hint}")
    L719 = ("Writing tables of labels needs {library}. Install it with the extra: pip "
            "install 'spacy-longtail[files]'")
    # L720 to L729: Spark
    L720 = ("There is no pipeline '{pipeline}': no folder on this machine, no archive "
            "that was sent with the job and unpacked here, and no installed package. "
            "Give the path of a folder, which is sent to the executors; or send an "
            "archive with --archives pipeline.tar.gz#{pipeline}; or install a package "
            "on all machines. In YARN's client mode, archives aren't unpacked here.")
    L721 = ("Through Spark Connect no pipeline can be sent to the executors. Make it a "
            "package with 'python -m spacy package', install that on the machines of "
            "the cluster and here, and give its name.")
    L722 = ("The archive '{name}' has {n} pipelines, but has to have one: a folder "
            "with meta.json and config.cfg. Pack the folder that was trained, for "
            "example with tar -czf pipeline.tar.gz -C training/model-best .")
    L723 = ("An executor can't import spacy-longtail: {error}. Its Python is {place}. "
            "Install spacy-longtail there; or send an environment with --archives "
            "environment.tar.gz#environment, and set PYSPARK_PYTHON to "
            "./environment/bin/python before Spark starts.")
    L724 = ("An executor has spacy-longtail {own}, but the driver has {driver}. Its "
            "Python is {place}. Install the same release on both.")
    L725 = ("An executor can't load the pipeline '{name}': {error}. Its Python is "
            "{place}. Install there what the pipeline requires, or give the path of "
            "its folder on the driver, which is sent.")
    L726 = ("An executor has loaded {own} as '{name}', but the driver {driver}. Its "
            "Python is {place}. Install the same package on all machines.")
    # L730 to L739: new texts and new names in a corpus that is there
    L730 = ("'--{option}' is about a corpus that is there. Name it with --add, for "
            "example: python -m spacy longtail convert new.csv corpus --add corpus.")
    L731 = ("There is nothing to do: give tables of texts, or new names of categories "
            "with --add CORPUS --rename FILE. The last path is the folder to write.")
    L732 = ("There is no corpus to add to at '{path}': it has no train.spacy (found: "
            "{found}). Make one with 'spacy longtail convert' without --add.")
    L733 = ("'{path}' was made for the language {found!r}, but new texts would be "
            "split as {lang!r}. Leave --lang out, or convert all tables again with it.")
    L734 = ("{path} needs the columns 'old' and 'new' of categories, but there isn't "
            "one column {column!r}. Its columns are: {columns}.")
    L735 = ("{where}: the name in the column {column!r} is missing, or has an empty "
            "level. Write whole paths, the old and the new one. To delete a category, "
            "give its texts as rows with 'delete' in a column 'answer'.")
    L736 = ("{where}: there is no category {old!r} to rename, and none that has its "
            "new name. Similar ones: {similar}. Correct the name, or delete the row.")
    L737 = ("{where}: {old!r} has two new names, {first!r} and {second!r}. Which text "
            "belongs to which can't be told by a name: give its texts with their new "
            "labels as a table, like any other correction, and no row here.")
    L738 = ("The documents of '{path}' have up to {n} labels, but {table} has one a "
            "row, which would replace them all. Give lists with --labels, for example "
            "a column 'labels' with cells like 'a;b'.")
    L739 = ("{path} is a table of codes, and codes have no new names. Give --rename "
            "descriptions as JSON lines of \"label\" and \"description\".")
    L740 = ("'{command}' ended with the status {status}. It said:\n{said}")
    L741 = ("A package can't be made without the library 'build'. Install it: pip "
            "install build")
    L742 = ("The wheel of spacy-longtail can't be made from what is installed: "
            "{problem}. Install it again: pip install --force-reinstall --no-deps "
            "spacy-longtail, or its wheel.")
    L743 = ("The pipeline {pipeline} has no component of spacy-longtail, only {pipes}. "
            "'python -m spacy package' is all that it needs.")
    L744 = ("{where}: {old!r} is called {new!r} from now on, which is there already, "
            "but {label!r} gets another name itself, {again!r}. If the table was "
            "applied before, delete the rows that are done. If {label!r} stays as it "
            "is, say so by a row '{label},{label}'.")
    # L745 to L749: labels in doubt
    L745 = ("The texts have to be divided into 2 to {most} folds, but got {found!r}. "
            "Use 5, as usual, or 10 for few texts.")
    L746 = ("A table of suspects, {path}, needs a cross-validation to find them. Add "
            "--cross-validate 5, or name a page that ends with .html.")
    L747 = ("Nothing can be cross-validated: no label has more than {most} different "
            "texts. Give a corpus in which some have {needed} or more.")
    L748 = ("Suspects are written as CSV, but {path} is named as something else. Name "
            "a file that ends with .csv.")
    # L750 to L759: pipelines that are trained further
    L750 = ("There is no {name}.spacy in '{path}'. An update needs the folder that "
            "'spacy longtail convert' has written, with train.spacy and dev.spacy.")
    L751 = ("The config of the pipeline doesn't say how many steps its training took: "
            "'max_steps' is 0. Say how many the update takes, with --steps.")
    L752 = ("'keep' is the share of what was learned that a warm start begins with, "
            "from 0.0 to 1.0, but got {keep!r}.")
    L753 = ("None of the {n:,} documents of '{path}' has a gold label of '{name}', so "
            "there is nothing to learn. Give all labelled texts, old and new, in "
            "'doc.cats', as 'spacy longtail convert' writes them.")
    L754 = ("The pipeline has no category '{node}' to forget, and none below it. "
            "Similar ones: {similar}.")
    L760 = ("{problem} Give --against a pipeline or what one has predicted, or "
            "--baseline together with --train CORPUS.")
    L761 = ("The baseline needs scikit-learn, which is no part of this package: "
            "pip install scikit-learn")
    L762 = ("The folder {path} is no pipeline, and has no table of predictions. Name "
            "the folder or the file that 'predict' has written, as .csv, .tsv, .jsonl, "
            ".json, .parquet or .xlsx.")
    L763 = ("The table {path} has no column of predicted labels: neither label nor "
            "labels, with or without predicted_ before it. Its columns are: {columns}. "
            "Name the table that 'predict' has written.")
    L764 = ("{path} lacks predictions for {n:,} of the {n_docs:,} texts of the corpus, "
            "for example {text!r}. Predict all texts of the corpus, and name the "
            "column of the text with --text if it isn't text.")
    L765 = ("The baseline needs at least two labels to learn from, but found {n} in "
            "{n_docs:,} labelled texts. Name the corpus that the pipeline was trained "
            "on with --train.")
    # L770 to L779: what to label next, and what has changed
    L770 = ("There is no label or category '{focus}' to choose texts for. Give one "
            "of the pipeline's, 'tail' or 'all'.")
    L771 = ("No label has fewer than {mid} training texts, '{label}' has the fewest, "
            "{n:,}. Choose texts for 'all', or for a label or category.")
    L772 = ("There is no text in '{path}'. Give texts without labels.")
    L773 = ("There is nothing to compare in '{path}': no text has an answer, and {n:,} "
            "couldn't be labelled. Give a table of texts, a corpus, or what 'predict' "
            "has written, with its columns.")
    L774 = ("{path} has {value!r} as 'known' in row {row:,}, but a number from 0 to 1 "
            "is needed where there is no error. Let 'predict' write the table again, "
            "or give it without the columns 'label', 'known' and 'stage'.")
    L775 = ("'{name}' has to be a number from {least:g} to {most:g}, but got "
            "{value!r}.")
    # L780 to L789: from a list of codes
    L780 = ("Labels can be made of each 'code' or of each 'title', not of {value!r}.")
    L781 = ("{path} isn't clear as a list of codes. Its columns are: {columns}. Needed "
            "are codes with titles or descriptions, or labels. Name the columns with "
            "--code, --title, --description or --label.")
    L782 = ("{where}: the code {code!r} is there already, in {first}, with another "
            "title, description or parent. Keep one of the two rows.")
    L783 = ("{where}: a code is above itself: {path}. Correct the column of parents.")
    L784 = ("{where}: the label {label!r} is there twice, for the codes {codes}. Make "
            "the labels of codes, or change a title.")
    L785 = ("{path} needs at least two labels to choose from: codes with no other "
            "below them. Its rows with something in them: {n:,}; labels: {labels}.")
    L786 = ("{where}: the path {code!r} has an empty level. Write it as 'a/b'.")
    L787 = ("{where}: {segment!r} has {separator!r} in it, which separates the levels "
            "of a label. Give another --separator, for example ' > '.")
# fmt: on
