from . import datasets as datasets
from . import plotting as plotting
from . import testing as testing
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
from .vectorize import unvec as unvec
from .vectorize import vec as vec
