"""
Spectra of a trained Mixer's effective layers
=============================================

Which layers of a trained Mixer have grown singular values beyond those of random entries (T24)?

.. picture: Left, falling curves of the singular values of the first token layer, one for each block. Right, the largest
   singular value of every layer as a multiple of that of random entries, block by block.
"""

from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
pixels, labels = km.datasets.load("digits")
model = km.networks.Classifier("mlp_mixer", channels=16, depth=3)
run = km.networks.classify(pixels[:800], labels[:800], model, epochs=4)
seen = km.networks.inspect_network(run.network)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
km.plotting.plot_layer_spectra(seen, "token 1", left)
km.plotting.plot_edges(seen, right)
left.set_title(f"first token layer, accuracy {100 * run.about['test_accuracy']:.0f} %")
