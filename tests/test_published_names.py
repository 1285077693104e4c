"""The names that published PyTorch teaching and example code uses: each is here.

What comes with a later issue (``distributed``, ``nn.parallel``, ``compile``, ``onnx``) is there by
name, and says so in one sentence when it is used.
"""

from __future__ import annotations

import functools

import pytest

import chainrule as cr

NAMES = {
    "Tensor": """
        shape backward to sum data item reshape float detach mean grad view device transpose cpu
        size numpy fill_ unsqueeze type requires_grad T relu numel argmax permute tolist squeeze
        zero_ dtype eq max copy_ flatten contiguous std nelement t split view_as dim clone exp
        long abs cuda ndim norm log10 masked_fill trace repeat expand unique double var pow
        cumsum log random_ retain_grad mul new_zeros pin_memory resize type_as normal_ scatter
        sigmoid add_ clamp clip dist dot mm requires_grad_ scatter_ sort swapaxes all detach_
        div half is_cuda new_tensor tanh bmm div_ expand_as flip mT mul_ prod repeat_interleave
        select softmax sqrt sub_ topk
    """,
    "": """
        tensor zeros arange cat no_grad randn manual_seed ones device float32 save
        accelerator.current_accelerator rand max long accelerator.is_available load exp matmul
        sqrt stack tanh normal randint log from_numpy cuda.is_available Tensor multinomial sum
        backends.cudnn.benchmark cuda.manual_seed_all sin cos zeros_like
        backends.cudnn.deterministic ones_like mm LongTensor abs cuda.set_device int32 square
        bfloat16 topk accelerator.device_count flatten Generator cuda.synchronize sigmoid
        float16 tril acos int64 meshgrid pi distributions.Categorical linspace float
        amp.autocast compile cuda.is_bf16_supported mv randperm bmm norm sort
        accelerator.set_device_index relu argmax backends.cuda.matmul backends.cudnn.allow_tf32
        dot eye pow repeat_interleave serialization.safe_globals set_printoptions mean float64
        full neg add bool diag FloatTensor accelerator.device_index allclose
        backends.mps.is_available cuda.device_count cuda.manual_seed floor min where
        autograd.profiler.record_function log2 distributions.multinomial.Multinomial double
        autograd.profiler.profile histogram nonzero cosh cumsum einsum empty
        profiler.ProfilerActivity tan testing.assert_allclose unsqueeze view_as_complex
        view_as_real all amp.GradScaler arccos arcsin arctan argsort bitwise_and clamp
        cuda.amp.GradScaler cuda.current_device cuda.memory_allocated cuda.memory_reserved
        cuda.nccl.version det distributions.binomial.Binomial distributions.poisson.Poisson
        equal inference_mode is_grad_enabled isnan log1p onnx.export outer polar
        profiler.profile profiler.record_function profiler.schedule
        profiler.tensorboard_trace_handler randn_like roll rsqrt set_grad_enabled sign sinh
        split squeeze testing.assert_close triu uint8
    """,
    "nn.Module": """
        parameters apply train eval state_dict load_state_dict add_module forward
        register_buffer named_parameters children named_modules modules share_memory to_empty
    """,
    "nn": """
        Module Linear Sequential ReLU CrossEntropyLoss LazyLinear Dropout Conv2d Embedding
        Parameter Flatten LazyConv2d MaxPool2d parallel.DistributedDataParallel MSELoss
        LayerNorm AdaptiveAvgPool2d Dropout2d DataParallel GRU ModuleList BatchNorm2d LSTM Tanh
        LazyBatchNorm2d Sigmoid ConvTranspose2d LeakyReLU NLLLoss GELU AvgPool2d ModuleDict
        BCELoss LazyBatchNorm1d modules.dropout.Dropout modules.linear.Linear
        modules.sparse.Embedding BCEWithLogitsLoss RNN Transformer
        modules.activation.MultiheadAttention modules.container.ModuleList
        modules.linear.NonDynamicallyQuantizableLinear modules.normalization.LayerNorm
        modules.rnn.GRU modules.rnn.LSTM modules.rnn.RNN modules.transformer.TransformerEncoder
        modules.transformer.TransformerEncoderLayer InstanceNorm2d parallel.scatter Conv1d
        LSTMCell ReflectionPad2d parallel.data_parallel AdaptiveAvgPool1d AdaptiveMaxPool2d
        BatchNorm1d EmbeddingBag L1Loss MultiheadAttention PReLU PixelShuffle Softmax
        modules.activation.ReLU modules.conv.Conv2d modules.pixelshuffle.PixelShuffle
    """,
    "nn.functional": """
        relu softmax cross_entropy log_softmax nll_loss max_pool2d one_hot conv2d
        scaled_dot_product_attention dropout smooth_l1_loss tanh avg_pool2d sigmoid
        binary_cross_entropy binary_cross_entropy_with_logits elu interpolate layer_norm silu
    """,
    "nn.init": """
        kaiming_uniform_ xavier_uniform_ normal_ zeros_ uniform_ ones_ xavier_normal_
        trunc_normal_ orthogonal_ calculate_gain constant_ kaiming_normal_
    """,
    "nn.utils": """
        clip_grad_norm_ rnn.pad_sequence
    """,
    "optim": """
        Optimizer.step Optimizer.zero_grad SGD Adam AdamW Optimizer Adadelta Adagrad LBFGS
        RMSprop
    """,
    "optim.lr_scheduler": """
        StepLR MultiStepLR
    """,
    "data": """
        DataLoader Dataset TensorDataset distributed.DistributedSampler RandomSampler Subset
        random_split sampler.Sampler
    """,
    "distributed": """
        destroy_process_group init_process_group get_default_backend_for_device get_rank
        is_initialized ReduceOp all_reduce barrier get_world_size get_backend is_nccl_available
    """,
}
LATER = {
    "compile": lambda: cr.compile(lambda x: x),
    "onnx.export": lambda: cr.onnx.export(cr.nn.Linear(1, 1), cr.zeros(1), "model.onnx"),
    "nn.DataParallel": lambda: cr.nn.DataParallel(cr.nn.Linear(1, 1)),
    "distributed.init_process_group": lambda: cr.distributed.init_process_group("gloo"),
}


@pytest.mark.parametrize(
    "path",
    [f"{room}.{name}".lstrip(".") for room, names in NAMES.items() for name in names.split()],
)
def test_is_here(path: str) -> None:
    assert functools.reduce(getattr, path.split("."), cr) is not None


@pytest.mark.parametrize("name", LATER)
def test_what_comes_later_says_so(name: str) -> None:
    with pytest.raises((NotImplementedError, RuntimeError)) as error:
        LATER[name]()
    assert 20 < len(str(error.value)) < 400
