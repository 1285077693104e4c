"""The rows of the lecture notes' syllabus: where each is in the library, and which tests check it.

``code`` names what a row uses, below ``chainrule.``; ``tests`` names files below tests/ and what
the names of their functions begin with. test_rows.py checks that all of it exists.
"""

from __future__ import annotations

from typing import NamedTuple

TO_COME = "to come"


class Row(NamedTuple):
    """One row: what it is about, its code and its tests, separated by blanks; or "to come"."""

    what: str
    code: str
    tests: str


ROWS = {
    # computational graphs and gradients
    "G1": Row(
        "the lecture figure f = (x + y)·z, drawn",
        "viz.draw viz.explain",
        "syllabus/test_gradients.py::test_G1_",
    ),
    "G2": Row("chain rule by hand", "autograd.grad", "syllabus/test_gradients.py::test_G2_"),
    "G3": Row(
        "gradients over several paths add",
        "autograd.backward",
        "syllabus/test_gradients.py::test_G3_",
    ),
    "G4": Row(
        "back-propagation layer by layer: the deltas",
        "Tensor.retain_grad",
        "syllabus/test_gradients.py::test_G4_",
    ),
    "G5": Row(
        "partial derivatives of a price",
        "data.tables.houses",
        "syllabus/test_gradients.py::test_G5_",
    ),
    "G6": Row(
        "second derivatives and the Hessian",
        "autograd.functional.hessian",
        "syllabus/test_gradients.py::test_G6_",
    ),
    "G7": Row(
        "a linear network collapses into one layer",
        "models.DeepLinear",
        "syllabus/test_gradients.py::test_G7_",
    ),
    "G8": Row(
        "softmax with log loss: P − Y",
        "nn.functional.cross_entropy",
        "syllabus/test_gradients.py::test_G8_",
    ),
    "G9": Row(
        "vanishing and exploding gradients",
        "nn.Sigmoid nn.ReLU",
        "syllabus/test_gradients.py::test_G9_",
    ),
    "G10": Row(
        "gradient clipping",
        "nn.utils.clip_grad_norm_ nn.utils.clip_grad_value_",
        "syllabus/test_gradients.py::test_G10_",
    ),
    "G11": Row(
        "saliency, and features ranked by it",
        "models.saliency.saliency models.saliency.feature_ranking data.tables.noise_columns",
        "syllabus/test_gradients.py::test_G11_ models/test_saliency.py::test_saliency_",
    ),
    # activations, losses, optimizers, initialization
    "A": Row(
        "activations",
        "nn.Sigmoid nn.Tanh nn.ReLU nn.LeakyReLU nn.PReLU nn.ELU nn.Softmax nn.Identity "
        "nn.Hardtanh",
        "syllabus/test_activations.py::test_A_",
    ),
    "L1": Row(
        "MSE, MAE, RMSE, Huber",
        "nn.MSELoss nn.L1Loss nn.HuberLoss nn.course_losses.RMSELoss",
        "syllabus/test_losses.py::test_L1_",
    ),
    "L2": Row("binary cross-entropy", "nn.BCELoss", "syllabus/test_losses.py::test_L2_"),
    "L3": Row(
        "categorical and sparse cross-entropy",
        "nn.CrossEntropyLoss nn.NLLLoss",
        "syllabus/test_losses.py::test_L3_",
    ),
    "L4": Row(
        "entropy and KL divergence",
        "nn.KLDivLoss distributions.kl_divergence",
        "syllabus/test_losses.py::test_L4_",
    ),
    "L5": Row(
        "multi-class hinge and squared hinge",
        "nn.course_losses.WestonWatkinsLoss nn.MultiMarginLoss",
        "syllabus/test_losses.py::test_L5_",
    ),
    "L6": Row(
        "logits against probabilities",
        "nn.BCEWithLogitsLoss logsumexp",
        "syllabus/test_losses.py::test_L6_",
    ),
    "O": Row(
        "optimizers and schedules",
        "optim.SGD optim.Adagrad optim.Adadelta optim.RMSprop optim.Adam optim.LBFGS "
        "optim.Newton optim.lr_scheduler.LambdaLR",
        "syllabus/test_optimizers.py::test_O_",
    ),
    "I": Row(
        "initialization",
        "nn.init.xavier_normal_ nn.init.kaiming_normal_ nn.init.zeros_",
        "syllabus/test_initialization.py::test_I_",
    ),
    # models
    "R1": Row(
        "perceptron and the three-input neuron",
        "models.linear.Perceptron models.linear.Neuron data.tables.students",
        "syllabus/test_models.py::test_R1_",
    ),
    "R2": Row("linear unit", "models.linear.Neuron", "syllabus/test_models.py::test_R2_"),
    "R3": Row("delta rule", "models.linear.Adaline", "syllabus/test_models.py::test_R3_"),
    "R4": Row(
        "least squares three ways",
        "models.linear.LinearRegression models.linear.slope_intercept "
        "models.linear.normal_equation",
        "syllabus/test_models.py::test_R4_",
    ),
    "R5": Row(
        "logistic regression",
        "models.classifiers.LogisticRegression data.tables.insurance",
        "syllabus/test_models.py::test_R5_",
    ),
    "R6": Row(
        "multi-class SVM, softmax regression, hierarchical softmax",
        "models.classifiers.MulticlassSVM models.classifiers.SoftmaxRegression "
        "models.classifiers.HierarchicalSoftmax",
        "syllabus/test_models.py::test_R6_",
    ),
    "R7": Row(
        "MLP, XOR, digits",
        "models.MLP models.xor_by_hand",
        "syllabus/test_models.py::test_R7_",
    ),
    "R8": Row(
        "autoencoders and matrix factorisation",
        "models.autoencoders.DeepAutoencoder models.autoencoders.DenoisingAutoencoder "
        "models.autoencoders.TiedAutoencoder models.autoencoders.VariationalAutoencoder "
        "models.autoencoders.outlier_scores models.factorization.MatrixFactorization",
        "syllabus/test_models.py::test_R8_ models/test_autoencoders.py::test_",
    ),
    "R9": Row(
        "layer-wise pre-training",
        "models.pretraining.StackedNetwork",
        "syllabus/test_models.py::test_R9_",
    ),
    "R10": Row(
        "recurrent networks of four shapes",
        "models.recurrent.ManyToOne models.recurrent.OneToMany models.recurrent.ManyToMany",
        "models/test_sequences.py::test_r10_",
    ),
    "R11": Row(
        "LSTM, GRU, echo-state network",
        "models.gates nn.LSTM nn.GRU models.EchoState",
        "models/test_sequences.py::test_r11_",
    ),
    "R12": Row(
        "word embeddings, 1-D convolution for text",
        "nn.Embedding nn.Conv1d data.vectors",
        "models/test_sequences.py::test_r12_",
    ),
    "R13": Row(
        "generation, translation, captions, speech",
        "models.recurrent.CharacterModel models.seq2seq models.Captioner models.speech",
        "models/test_sequences.py::test_r13_ models/test_sequences_attention.py::test_r13_",
    ),
    "R14": Row(
        "attention, Transformer, masked words",
        "models.transformer models.gpt.GPT models.bert.BERT",
        "models/test_sequences_attention.py::test_r14_",
    ),
    # convolution
    "C1": Row(
        "convolution by hand",
        "nn.functional.conv2d",
        "models/test_vision_rows.py::test_c1_",
    ),
    "C2": Row(
        "output size and padding",
        "nn.Conv2d nn.functional.pad",
        "models/test_vision_rows.py::test_c2_",
    ),
    "C3": Row(
        "pooling and flatten",
        "nn.MaxPool2d nn.AvgPool2d nn.Flatten",
        "models/test_vision_rows.py::test_c3_",
    ),
    "C4": Row("learned filters", "nn.Conv2d", "models/test_vision_rows.py::test_c4_"),
    "C5": Row(
        "LeNet to ResNet",
        "models.lenet models.alexnet models.zfnet models.vgg models.googlenet models.resnet",
        "models/test_vision.py::test_c5_ models/test_vision_training.py::test_c5_",
    ),
    "C6": Row(
        "convolutional autoencoder",
        "models.autoencoders.ConvAutoencoder models.autoencoders.cluster_codes",
        "models/test_autoencoders.py::test_C6_",
    ),
    "C7": Row(
        "image classification and transfer",
        "models.CNN models.transfer data.fashion",
        "models/test_vision_training.py::test_c7_",
    ),
    "C8": Row("retrieval by content", "models.retrieval", "models/test_retrieval.py::test_c8_"),
    "C9": Row(
        "object detection",
        "models.yolo models.fast_rcnn nn.detection",
        "models/test_detection.py::test_c9_",
    ),
    "C10": Row(
        "segmentation, reading, verification",
        "models.UNet models.Siamese",
        "models/test_vision_training.py::test_c10_ models/test_sequences.py::test_c10_",
    ),
    # training well
    "T1": Row("missing values, splits, scaling, folds", TO_COME, TO_COME),
    "T2": Row("under-fit, over-fit, bias and variance", TO_COME, TO_COME),
    "T3": Row(
        "L1, L2, elastic net and their priors",
        "models.regularization.l1_penalty models.regularization.l2_penalty "
        "models.regularization.elastic_net models.regularization.soft_threshold_",
        "syllabus/test_training.py::test_T3_",
    ),
    "T4": Row(
        "dropout, batch norm, early stopping, augmentation, noise",
        "nn.Dropout nn.BatchNorm1d models.regularization.EarlyStopping "
        "models.regularization.GaussianNoise",
        "syllabus/test_training.py::test_T4_",
    ),
    "T5": Row("ensembles", TO_COME, TO_COME),
    "T6": Row(
        "scores of predictions",
        "nn.metrics.accuracy nn.metrics.precision nn.metrics.recall nn.metrics.f1 "
        "nn.metrics.confusion_matrix nn.metrics.mae nn.metrics.rmse",
        "nn/test_metrics.py::test_T6_",
    ),
    "T7": Row("hyper-parameter search", TO_COME, TO_COME),
    "T8": Row("monitoring", TO_COME, TO_COME),
    "T9": Row("scale", TO_COME, TO_COME),
    "T10": Row("deployment", TO_COME, TO_COME),
    "T11": Row(
        "what the model looked at; fairness by group",
        "models.saliency.integrated_gradients models.saliency.scores_by_group data.tables.loans",
        "syllabus/test_training.py::test_T11_",
    ),
}
