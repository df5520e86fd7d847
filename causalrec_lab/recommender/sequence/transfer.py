"""What a network can take from another that learned elsewhere."""

from __future__ import annotations

import hashlib

from causalrec_lab.recommender.sequence.network import SequenceNetwork

__all__ = ["transfer"]


def transfer(
    source: SequenceNetwork, target: SequenceNetwork, known: tuple[str, ...] = (), wanted: tuple[str, ...] = ()
) -> str:
    """Copy what another network learned, but for what belongs to its items alone.

    Parameters
    ----------
    source, target
        Networks of the same width, blocks and heads.
    known, wanted
        Names of their attributes: columns of the same name are copied.

    Returns
    -------
    SHA-256 of what was copied, by which a checkpoint knows where its training began.

    Raises
    ------
    ValueError
        If their shapes differ in what would be copied.
    """
    own = ("identity.", "behaviour_bias.", "attributes.")
    theirs, ours = source.state_dict(), target.state_dict()
    shared = {name for name in theirs.keys() & ours.keys() if not name.startswith(own)}
    if differ := sorted(name for name in shared if theirs[name].shape != ours[name].shape):
        name = differ[0]
        raise ValueError(
            f"start: {name} is {tuple(theirs[name].shape)} there and {tuple(ours[name].shape)} here; give both models "
            "the same dim, blocks and heads, and the same text encoder"
        )
    taken = {name: theirs[name] for name in shared}
    if source.attributes is not None and target.attributes is not None:
        columns = [(wanted.index(name), known.index(name)) for name in wanted if name in known]
        weights = ours["attributes.weight"].clone()
        for here, there in columns:
            weights[:, here] = theirs["attributes.weight"][:, there]
        taken["attributes.weight"] = weights
    target.load_state_dict(ours | taken)
    digest = hashlib.sha256()
    for name, value in sorted(taken.items()):
        digest.update(name.encode() + value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
