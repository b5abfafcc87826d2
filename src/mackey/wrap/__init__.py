"""Make any network equivariant from outside: frames, canonical forms, averages."""

from mackey.wrap.canonical import Canonicalised
from mackey.wrap.canonical_coordinates import CanonicalCoordinates, FlowPose, canonical_coordinates, resampled
from mackey.wrap.canonicaliser import canonicaliser
from mackey.wrap.cloud_canonicaliser import AbstractPoseFinder, CloudCanonicalised, PredictedPose
from mackey.wrap.cloud_pose import CloudPose, LorentzPose
from mackey.wrap.cloud_vectors import CloudVectors
from mackey.wrap.clouds import Cloud, CloudReader
from mackey.wrap.flat_frames import FlatFrames, flat_frames
from mackey.wrap.frame_averaging import FrameAveraged, frames
from mackey.wrap.frame_prediction import AbstractFramePredictor, LorentzFrames, OrthogonalFrames, RandomFrames
from mackey.wrap.gram_schmidt import gram_schmidt
from mackey.wrap.image_scorer import ImageScorer
from mackey.wrap.local_frames import LocalFrames, local_frames
from mackey.wrap.lorentz_frames import polar_frames, reflecting_frames, rest_boost, time_direction
from mackey.wrap.optimised import EnergyScores, optimised
from mackey.wrap.orbit_distance import OrbitSymmetrised, orbit_distance, orbit_inverse, orbit_symmetrise
from mackey.wrap.part_frames import PartFrames, part_frames
from mackey.wrap.pca_frames import pca_frames
from mackey.wrap.planar_flows import FLOWS, PlanarFlow, planar_flow
from mackey.wrap.pose_network import PoseNetwork, centroid, circular_centroid
from mackey.wrap.pose_search import PoseSearch
from mackey.wrap.probabilistic import ProbabilisticSymmetrised, point_random_pose, probabilistic
from mackey.wrap.random_poses import AbstractRandomPose, CloudRandomPose, PointRandomPose
from mackey.wrap.rotation_frames import mirrored_frames, orthogonal_frames, plane_frames, space_frames
from mackey.wrap.sorted_frames import SortedFrames, sorted_frames
from mackey.wrap.stochastic_frames import StochasticFrames, stochastic_frames
from mackey.wrap.symmetrise import Averaged, average
from mackey.wrap.transport import AbstractTransporting, Transport, TransportedAttention
from mackey.wrap.transported_transformer import TransportedTransformer
from mackey.wrap.vector_neurons import VectorNeurons
from mackey.wrap.weighted_frames import WeightedFrames, moment_frames, weighted_frames
from mackey.wrap.weighted_poses import AbstractWeightedPoses, AnchorPoses, MomentPoses

__all__ = [
    "FLOWS",
    "AbstractFramePredictor",
    "AbstractPoseFinder",
    "AbstractRandomPose",
    "AbstractTransporting",
    "AbstractWeightedPoses",
    "AnchorPoses",
    "Averaged",
    "CanonicalCoordinates",
    "Canonicalised",
    "Cloud",
    "CloudCanonicalised",
    "CloudPose",
    "CloudRandomPose",
    "CloudReader",
    "CloudVectors",
    "EnergyScores",
    "FlatFrames",
    "FlowPose",
    "FrameAveraged",
    "ImageScorer",
    "LocalFrames",
    "LorentzFrames",
    "LorentzPose",
    "MomentPoses",
    "OrbitSymmetrised",
    "OrthogonalFrames",
    "PartFrames",
    "PlanarFlow",
    "PointRandomPose",
    "PoseNetwork",
    "PoseSearch",
    "PredictedPose",
    "ProbabilisticSymmetrised",
    "RandomFrames",
    "SortedFrames",
    "StochasticFrames",
    "Transport",
    "TransportedAttention",
    "TransportedTransformer",
    "VectorNeurons",
    "WeightedFrames",
    "average",
    "canonical_coordinates",
    "canonicaliser",
    "centroid",
    "circular_centroid",
    "flat_frames",
    "frames",
    "gram_schmidt",
    "local_frames",
    "mirrored_frames",
    "optimised",
    "moment_frames",
    "orbit_distance",
    "orbit_inverse",
    "orbit_symmetrise",
    "orthogonal_frames",
    "part_frames",
    "pca_frames",
    "planar_flow",
    "plane_frames",
    "point_random_pose",
    "polar_frames",
    "probabilistic",
    "reflecting_frames",
    "resampled",
    "rest_boost",
    "sorted_frames",
    "space_frames",
    "stochastic_frames",
    "time_direction",
    "weighted_frames",
]
