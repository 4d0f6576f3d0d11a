"""One camera: the node itnet, with its parameter file, and with what is given here in place of the file's values.

    ros2 launch itnet itnet.launch.py image_topic:=/camera/image_raw budget_ms:=20.0

The other launch files include this one, so that its arguments are theirs too.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
import yaml

SHARE = get_package_share_directory('itnet')

# As launch spells them, and as Python does: launch files hand both on.
BOOLEANS = ['true', 'false', 'True', 'False']

# Arguments that are parameters of the node. Left empty, the parameter file's value holds.
PARAMETERS = {
    'model': ('Folder of the model bundle; a relative one is also looked for in the package', None),
    'image_transport': ('How images come', ['', 'raw', 'compressed']),
    'budget_ms': ("Time from a frame's arrival to its mask, in milliseconds, 0.1 to 10000", None),
    'threads': ('Threads of the network, 1 to 64', None),
    'autostart': ('Configure and activate at start; false leaves that to a lifecycle manager', ['', *BOOLEANS]),
    'use_sim_time': ('Take the time of /clock', ['', *BOOLEANS]),
}

# Those that are texts, whatever they look like; of the others YAML says what they are, and the node whether they fit.
TEXTS = ('model', 'image_transport')


def argument(name, description, choices=None, default=''):
    return DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)


def arguments():
    parameters = [
        argument(name, f'{description} [default: that of params_file]', choices)
        for name, (description, choices) in PARAMETERS.items()
    ]
    return [
        argument('params_file', 'Parameter file', default=os.path.join(SHARE, 'config', 'itnet.yaml')),
        *parameters,
        argument('image_topic', 'Image topic; one in /compressed is compressed. Its calibration is the camera_info beside it', default='image'),
        argument('namespace', 'Namespace of the node'),
        argument('node_name', 'Name of the node', default='itnet'),
        argument('log_level', 'Least severity that is logged, such as info, or of one logger, such as itnet:=debug', default='info'),
        argument('enclave', 'SROS2 enclave of the node, such as /itnet; left empty, what ROS takes by itself'),
        argument('respawn', 'Start the node again when it ends by itself', BOOLEANS, 'false'),
        argument('output', 'Where the log goes', ['screen', 'log', 'both'], 'screen'),
    ]


def given(context):
    """The parameters that were given as arguments."""
    values = {name: LaunchConfiguration(name).perform(context) for name in PARAMETERS}
    return {
        name: ParameterValue(value, value_type=str) if name in TEXTS else yaml.safe_load(value)
        for name, value in values.items()
        if value
    }


def node(context):
    params_file = LaunchConfiguration('params_file').perform(context)
    if not os.path.isfile(params_file):
        raise FileNotFoundError(f'params_file: there is no file {params_file}')
    parameters = given(context)
    enclave = LaunchConfiguration('enclave').perform(context)
    return [
        LifecycleNode(
            package='itnet',
            executable='itnet_node',
            name=LaunchConfiguration('node_name'),
            namespace=LaunchConfiguration('namespace'),
            parameters=[params_file, parameters] if parameters else [params_file],
            remappings=[('image', LaunchConfiguration('image_topic'))],
            ros_arguments=[
                '--log-level', LaunchConfiguration('log_level'), *(['--enclave', enclave] if enclave else []),
            ],
            respawn=LaunchConfiguration('respawn').perform(context).lower() == 'true',
            respawn_delay=1.0,
            output=LaunchConfiguration('output').perform(context),
        )
    ]


def generate_launch_description():
    return LaunchDescription([*arguments(), OpaqueFunction(function=node)])
