from . import datasets as datasets
from . import plotting as plotting
from . import testing as testing
from .decompose import (
    nearest_chain as nearest_chain,
)
from .decompose import (
    nearest_kronecker as nearest_kronecker,
)
from .decompose import (
    nearest_monarch as nearest_monarch,
)
from .mixer import (
    LinearMixer as LinearMixer,
)
from .mixer import (
    MixerShape as MixerShape,
)
from .mixer import (
    best_shape as best_shape,
)
from .mixer import (
    channel_mixing as channel_mixing,
)
from .mixer import (
    permuted_mixing as permuted_mixing,
)
from .mixer import (
    random_permuted_mixing as random_permuted_mixing,
)
from .mixer import (
    token_mixing as token_mixing,
)
from .operators import (
    Chain as Chain,
)
from .operators import (
    Dense as Dense,
)
from .operators import (
    Hadamard as Hadamard,
)
from .operators import (
    Kronecker as Kronecker,
)
from .operators import (
    KroneckerSparse as KroneckerSparse,
)
from .operators import (
    Masked as Masked,
)
from .operators import (
    Monarch as Monarch,
)
from .operators import (
    Permutation as Permutation,
)
from .operators import (
    StructuredOperator as StructuredOperator,
)
from .operators import (
    Sum as Sum,
)
from .operators import (
    SumOfKroneckers as SumOfKroneckers,
)
from .operators import (
    commutation as commutation,
)
from .patterns import (
    Pattern as Pattern,
)
from .patterns import (
    butterfly_patterns as butterfly_patterns,
)
from .patterns import (
    mixer_patterns as mixer_patterns,
)
from .patterns import (
    monarch_patterns as monarch_patterns,
)
from .regularization import (
    Observed as Observed,
)
from .regularization import (
    Regression as Regression,
)
from .regularization import (
    Sensing as Sensing,
)
from .regularization import (
    averaged_flow as averaged_flow,
)
from .regularization import (
    diagonal_flow as diagonal_flow,
)
from .regularization import (
    gradient_descent as gradient_descent,
)
from .regularization import (
    gradient_flow as gradient_flow,
)
from .regularization import (
    interpolation_path as interpolation_path,
)
from .regularization import (
    reference_path as reference_path,
)
from .regularization import (
    saddle_sequence as saddle_sequence,
)
from .regularization import (
    soft_threshold_path as soft_threshold_path,
)
from .sparsity import sparsity_profile as sparsity_profile
from .spectra import (
    cond as cond,
)
from .spectra import (
    matrix_rank as matrix_rank,
)
from .spectra import (
    norm as norm,
)
from .spectra import (
    singular_values as singular_values,
)
from .spectra import (
    slogdet as slogdet,
)
from .spectra import (
    trace as trace,
)
from .vectorize import unvec as unvec
from .vectorize import vec as vec

__version__: str
