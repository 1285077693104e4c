"""Models: the architectures of the lecture notes, as readable code; ``models.list()`` names them.

Each file enters its models into one table; ``describe`` counts parameters and multiply-adds by
running the model.
"""

from __future__ import annotations

from . import bert, decoding, gates, gpt, recurrent, seq2seq, speech, transformer
from .alexnet import AlexNet, alexnet, alexnet_slim
from .autoencoders import (
    Autoencoder,
    ConvAutoencoder,
    DeepAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    TiedAutoencoder,
    VariationalAutoencoder,
    cluster_codes,
    outlier_scores,
)
from .bert import BERT, bert_base, bert_slim, mask_words
from .captioner import Captioner, captioner
from .classifiers import (
    HierarchicalSoftmax,
    LogisticRegression,
    MulticlassSVM,
    SoftmaxRegression,
    huffman_codes,
)
from .cnn import CNN, cnn
from .detector import Detector, detector_score, train_detector
from .echo_state import EchoState, echo_state
from .factorization import MatrixFactorization, as_factorization, truncated_svd
from .fast_rcnn import FastRCNN, RegionHead, RegionProposals, fast_rcnn_slim
from .fitting import accuracy, fit
from .googlenet import GoogLeNet, GoogLeNetOutputs, googlenet, googlenet_slim
from .gpt import GPT, gpt2, gpt_slim
from .lenet import LeNet, LeNet5, lenet, lenet5, map_loss
from .linear import Adaline, LinearRegression, Neuron, Perceptron, normal_equation, slope_intercept
from .mlp import MLP, DeepLinear, deep_linear, mlp, xor_by_hand
from .pretraining import StackedNetwork
from .recurrent import CharacterModel, Forecaster, ManyToMany, ManyToOne, OneToMany
from .registry import (
    Description,
    count_multiply_adds,
    count_parameters,
    describe,
    forget,
    get_model,
    list_models,
    register,
)
from .regularization import (
    EarlyStopping,
    GaussianNoise,
    elastic_net,
    l1_penalty,
    l2_penalty,
    soft_threshold_,
)
from .resnet import (
    ResNet,
    plain18,
    plain20,
    plain34,
    plain56,
    resnet18,
    resnet20,
    resnet34,
    resnet50,
    resnet56,
    resnet101,
    resnet152,
)
from .retrieval import (
    ImageIndex,
    VisualWords,
    colour_histogram,
    colour_moments,
    gradient_histograms,
    learned_features,
    precision_at_k,
)
from .saliency import (
    feature_ranking,
    gaps,
    input_gradient,
    integrated_gradients,
    scores_by_group,
)
from .sentence_cnn import SentenceCNN, sentence_cnn
from .seq2seq import Seq2Seq, seq2seq_attention, sequence_loss
from .siamese import Siamese, contrastive_loss, pairs, siamese, triplets
from .speech import SpeechReader, ctc_loss, speech_reader
from .strips import StripReader, strip_reader
from .transfer import (
    fine_tuning_groups,
    freeze,
    replace_head,
    train_mode,
    trainable,
    unfreeze,
)
from .transformer import PositionalEncoding, Translator, transformer_base, transformer_slim, warmup
from .unet import UNet, iou, unet, unet_slim
from .vgg import (
    VGG,
    vgg11,
    vgg11_bn,
    vgg11_slim,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)
from .yolo import YOLO, yolo_slim
from .zfnet import ZFNet, zfnet, zfnet_slim

list = list_models
