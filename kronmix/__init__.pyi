from . import (
    checks as checks,
    datasets as datasets,
    decompose as decompose,
    estimators as estimators,
    files as files,
    forms as forms,
    interop as interop,
    mixer as mixer,
    networks as networks,
    operators as operators,
    optimizers as optimizers,
    patterns as patterns,
    plotting as plotting,
    products as products,
    regularization as regularization,
    report as report,
    similarity as similarity,
    solvers as solvers,
    sparsity as sparsity,
    spectra as spectra,
    storage as storage,
    symbolic as symbolic,
    testing as testing,
    vectorize as vectorize,
)
from .decompose import (
    find_permutations as find_permutations,
    nearest_chain as nearest_chain,
    nearest_kronecker as nearest_kronecker,
    nearest_low_rank as nearest_low_rank,
    nearest_monarch as nearest_monarch,
    search as search,
)
from .mixer import (
    LinearMixer as LinearMixer,
    MixerShape as MixerShape,
    best_shape as best_shape,
    channel_mixing as channel_mixing,
    permuted_mixing as permuted_mixing,
    random_permuted_mixing as random_permuted_mixing,
    token_mixing as token_mixing,
)
from .networks import (
    load_mixer as load_mixer,
)
from .operators import (
    Ampliation as Ampliation,
    BlockDiagonal as BlockDiagonal,
    Chain as Chain,
    Dense as Dense,
    Diagonal as Diagonal,
    Foreign as Foreign,
    Hadamard as Hadamard,
    HStack as HStack,
    Kronecker as Kronecker,
    KroneckerSparse as KroneckerSparse,
    KroneckerSum as KroneckerSum,
    LowRank as LowRank,
    LowRankHadamard as LowRankHadamard,
    Masked as Masked,
    Monarch as Monarch,
    Permutation as Permutation,
    RectangularIdentity as RectangularIdentity,
    StructuredOperator as StructuredOperator,
    Sum as Sum,
    SumOfKroneckers as SumOfKroneckers,
    VStack as VStack,
    commutation as commutation,
)
from .patterns import (
    Pattern as Pattern,
    butterfly_patterns as butterfly_patterns,
    mixer_patterns as mixer_patterns,
    monarch_patterns as monarch_patterns,
)
from .products import (
    block_diag as block_diag,
    eye as eye,
    hadamard as hadamard,
    hstack as hstack,
    kron as kron,
    vstack as vstack,
)
from .regularization import (
    Observed as Observed,
    Regression as Regression,
    Sensing as Sensing,
    averaged_flow as averaged_flow,
    balanced_factors as balanced_factors,
    conserved_quantities as conserved_quantities,
    diagonal_flow as diagonal_flow,
    gradient_descent as gradient_descent,
    gradient_flow as gradient_flow,
    induced_penalty as induced_penalty,
    interpolation_path as interpolation_path,
    l1_bound as l1_bound,
    margin_path as margin_path,
    max_margin as max_margin,
    reference_path as reference_path,
    regularization_path as regularization_path,
    saddle_sequence as saddle_sequence,
    soft_threshold_path as soft_threshold_path,
)
from .similarity import (
    cka as cka,
    cka_difference as cka_difference,
    cka_interval as cka_interval,
    paired_bootstrap as paired_bootstrap,
)
from .solvers import (
    solve as solve,
)
from .sparsity import (
    sparsity_profile as sparsity_profile,
)
from .spectra import (
    cholesky as cholesky,
    cond as cond,
    diagonal as diagonal,
    eigh as eigh,
    eigvals as eigvals,
    expm as expm,
    matrix_rank as matrix_rank,
    norm as norm,
    singular_values as singular_values,
    slogdet as slogdet,
    sqrtm as sqrtm,
    svd as svd,
    trace as trace,
)
from .storage import (
    load as load,
    save as save,
)
from .symbolic import (
    check_equivalent as check_equivalent,
    check_identity as check_identity,
    check_reparametrization as check_reparametrization,
    count_conservation_laws as count_conservation_laws,
    find_quadratic_laws as find_quadratic_laws,
    verify as verify,
)
from .vectorize import (
    unvec as unvec,
    vec as vec,
)

__version__: str
